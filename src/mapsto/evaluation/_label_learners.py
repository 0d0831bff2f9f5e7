"""The plain methods for several labels a row: a model a label, within one time for all."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.evaluation._features import BagOfWords, Compressed
from mapsto.evaluation._learners import Answer, Matrix, fit_linear, fit_trees, linear_rows, tree_plan
from mapsto.evaluation._problem import LINEAR_SHARE, TREES_SHARE, Fit, Problem, joined
from mapsto.recipe.seeds import derive


def most_common_labels(problem: Problem) -> Fit:
    sets, counts = np.unique(problem.targets[problem.rows], axis=0, return_counts=True)
    most = sets[counts.argmax()].astype(np.float64)
    shown = say("the same {labels:,} labels for every row", labels=int(most.sum()))
    return lambda inputs: np.tile(most, (len(inputs), 1)), shown


def linear_labels(problem: Problem) -> Fit:
    features, labels = problem.features, problem.targets.shape[1]
    rows = problem.some_rows(linear_rows(LINEAR_SHARE * problem.seconds, features.stored, max(3, labels)))
    matrix = features(problem.inputs[rows])
    answer, remark = fit_labels(
        problem.targets[rows], lambda flags: fit_linear(matrix, flags, 2, end=problem.half_time), end=problem.half_time
    )
    return lambda inputs: answer(features(inputs)), joined(problem.trained_on(len(rows)), features.note, remark)


def tree_labels(problem: Problem) -> Fit:
    features, seed, labels = problem.features, derive(problem.seed, "trees"), problem.targets.shape[1]
    if isinstance(features, BagOfWords):
        few = problem.some_rows(linear_rows(0.1 * problem.seconds, features.stored, 0))
        features = Compressed(features, features(problem.inputs[few]), seed)
    plan = tree_plan(TREES_SHARE * problem.seconds, int(features.stored), max(3, labels))
    rows = problem.some_rows(plan.rows)
    matrix = features(problem.inputs[rows])
    answer, remark = fit_labels(
        problem.targets[rows],
        lambda flags: fit_trees(matrix, flags, 2, plan, end=problem.end, seed=seed),
        end=problem.end,
    )
    return lambda inputs: answer(features(inputs)), joined(problem.trained_on(len(rows)), features.note, remark)


def fit_labels(
    flags: NDArray[Any], fit: Callable[[NDArray[np.int64]], tuple[Answer, str]], *, end: float
) -> tuple[Answer, str]:
    """One model a label, each for itself; a label that all rows have, or none, is answered by its share.

    Args:
        flags: shape `(rows, labels)`.
        fit: a model from one label's flags, of two classes.
        end: when to end (of `time.monotonic`): labels that are left then are answered by their shares too.

    Returns:
        The fitted models, and what should be said of them, or nothing.
    """
    shares = flags.mean(axis=0, dtype=np.float64)
    answers: dict[int, Answer] = {}
    remarks = []
    learnable = np.flatnonzero((shares > 0) & (shares < 1)).tolist()
    for place in learnable:
        if answers and time.monotonic() > end:
            break
        answers[place], remark = fit(flags[:, place].astype(np.int64))
        remarks += [remark] if remark else []

    def answer(matrix: Matrix) -> NDArray[Any]:
        found = np.tile(shares, (matrix.shape[0], 1))
        for place, of_label in answers.items():
            found[:, place] = of_label(matrix)[:, 1]
        return found

    if len(answers) < len(learnable):
        left = len(learnable) - len(answers)
        return answer, say("{left:,} of {labels:,} labels left out, for lack of time", left=left, labels=flags.shape[1])
    return answer, remarks[0] if remarks else ""
