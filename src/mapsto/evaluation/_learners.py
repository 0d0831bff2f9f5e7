"""The two kinds of model behind the plain baselines, sized to fit into a given time.

How many rows are used follows from an estimate of the cost, not from the clock, so that the same data give the same
baseline on any machine. The constants were measured on two cores and err on the slow side; on a machine that is slower
still, or busy, the iterations end early, and the note says so.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import say

Matrix = Any
"""A float32 array of shape `(rows, features)`, or a sparse matrix of that shape."""

Answer = Callable[[Matrix], NDArray[Any]]
"""Rows of features to probabilities `(rows, classes)`, or to values `(rows,)`."""

LINEAR_ITERATIONS = 100
MIN_ROWS = 50

_LINEAR_COST = 2.5e-9  # seconds a stored number, class and iteration
_TREE_COST = 1.2e-8  # seconds a feature, row and tree
_EMPTY_TREE_COST = 8e-5  # seconds a feature and tree: its histograms, whatever the rows
_ROUNDS_AT_ONCE = 10
_ITERATIONS_AT_ONCE = 20


@dataclass(frozen=True)
class TreePlan:
    """How much boosting the time allows."""

    rows: int
    rounds: int
    learning_rate: float


def linear_rows(seconds: float, features: float, num_classes: int) -> int:
    """Rows that a linear model can be fitted to in about this time.

    Args:
        seconds: to be spent.
        features: stored numbers a row: those that are not zero, for sparse rows.
        num_classes: 0 for regression, which needs no iterations to speak of.
    """
    scores = 1 if num_classes <= 2 else num_classes
    return max(MIN_ROWS, int(seconds / (_LINEAR_COST * features * scores * LINEAR_ITERATIONS)))


def tree_plan(seconds: float, features: int, num_classes: int, *, max_trees: int = 400) -> TreePlan:
    """Rows and rounds of boosting for about this time; fewer rounds with larger steps where classes are many.

    Args:
        seconds: to be spent.
        features: numbers a row.
        num_classes: 0 for regression; each of more than two needs a tree a round.
        max_trees: about so many; they are also what a prediction costs.
    """
    trees_a_round = 1 if num_classes <= 2 else num_classes
    rounds = min(100, max(10, max_trees // trees_a_round))
    affordable = int(seconds / (2 * trees_a_round * features * _EMPTY_TREE_COST))  # half the time for the rows
    rounds = max(1, min(rounds, affordable))
    left = seconds / (rounds * trees_a_round) - features * _EMPTY_TREE_COST
    rows = max(MIN_ROWS, int(left / (features * _TREE_COST)))
    return TreePlan(rows, rounds, learning_rate=min(0.3, max(0.1, 8 / rounds)))


def fit_linear(matrix: Matrix, targets: NDArray[Any], num_classes: int, *, end: float) -> tuple[Answer, str]:
    """Logistic regression, or ridge regression for `num_classes` = 0, on standardized features; not so if sparse.

    Args:
        matrix: shape `(rows, features)`.
        targets: shape `(rows,)`.
        num_classes: of all the data; the targets may lack some.
        end: when to end (of `time.monotonic`), a few iterations later at most.

    Returns:
        The fitted model, and what should be said of it, or nothing.

    Raises:
        ValueError: the targets hold a single class.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    _check_classes(targets, num_classes)
    is_sparse = not isinstance(matrix, np.ndarray)
    scaler = StandardScaler(with_mean=not is_sparse, with_std=not is_sparse)
    scaled = scaler.fit_transform(matrix)
    if not num_classes:
        return _values(make_pipeline(scaler, Ridge().fit(scaled, targets))), ""
    # Rows of TF-IDF have length 1, where the usual strength of the penalty is far too much.
    model = LogisticRegression(C=10.0 if is_sparse else 1.0, max_iter=_ITERATIONS_AT_ONCE, warm_start=True)
    done, is_done = 0, False
    while done == 0 or not (is_done or done >= LINEAR_ITERATIONS or time.monotonic() > end):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(scaled, targets)
        done += int(np.max(model.n_iter_))
        is_done = bool(np.max(model.n_iter_) < _ITERATIONS_AT_ONCE)
    remark = "" if is_done else say("ended after {done} iterations", done=done)
    return _probabilities(make_pipeline(scaler, model), num_classes), remark


def fit_trees(
    matrix: NDArray[Any], targets: NDArray[Any], num_classes: int, plan: TreePlan, *, end: float, seed: int
) -> tuple[Answer, str]:
    """Gradient-boosted trees on histograms; a few rounds at a time, until `end` (of `time.monotonic`).

    Returns:
        The fitted model, and what should be said of it, or nothing.

    Raises:
        ValueError: the targets hold a single class.

    References:
        Friedman, 2001, "Greedy function approximation: a gradient boosting machine"; Ke et al., 2017, "LightGBM".
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    _check_classes(targets, num_classes)
    make = HistGradientBoostingClassifier if num_classes else HistGradientBoostingRegressor
    model = make(
        learning_rate=plan.learning_rate,
        l2_regularization=1.0,
        early_stopping=False,
        warm_start=True,
        random_state=seed,
    )
    done = 0
    while done < plan.rounds and (done == 0 or time.monotonic() < end):
        # The first round alone tells whether there is time for more, however slow the machine.
        done = min(plan.rounds, done + (_ROUNDS_AT_ONCE if done else 1))
        model.set_params(max_iter=done).fit(matrix, targets)
    answer = _probabilities(model, num_classes) if num_classes else _values(model)
    remark = say("ended after {done} of {rounds} rounds, for lack of time", done=done, rounds=plan.rounds)
    return answer, remark if done < plan.rounds else ""


def _check_classes(targets: NDArray[Any], num_classes: int) -> None:
    if num_classes and (targets == targets[0]).all():
        raise ValueError("the rows to train on hold a single class")


def _values(model: Any) -> Answer:
    return lambda matrix: np.asarray(model.predict(matrix), dtype=np.float64)


def _probabilities(model: Any, num_classes: int) -> Answer:
    """Puts the columns of the classes that the model saw among those of all classes."""

    def answer(matrix: Matrix) -> NDArray[Any]:
        found = model.predict_proba(matrix)
        if found.shape[1] == num_classes:
            return np.asarray(found)
        every = np.zeros((len(found), num_classes), dtype=found.dtype)
        every[:, model.classes_.astype(np.intp)] = found
        return every

    return answer
