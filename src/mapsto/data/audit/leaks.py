"""Inputs that hold the answer."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data.audit._coded import codes
from mapsto.data.audit._subject import SEED, Subject
from mapsto.data.audit.base import Check, Finding
from mapsto.data.table import Column, Kind

NEARLY = 0.98
"""Balanced accuracy beyond chance, or R² of ranks, on rows that the rule was not made from; few inputs tell so much."""

_ROWS, _LEVELS = 10_000, 256
_SCREEN = 0.8  # a first look with coarse bins, which is cheap, must come to this


class Leaks(Check):
    """Finds inputs from which alone the target follows: the same values, the same under other names, whether there is
    a value at all, or a rule that a small decision tree makes on half of the rows and that holds on the other half.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("numeric", "category", "text", "date", "ignore")

    def run(self, subject: Subject) -> list[Finding]:
        target = subject.target
        if target is None or target.values.ndim > 1 or target.kind not in ("numeric", "category"):
            return []
        answered = np.flatnonzero(~np.asarray(pd.isna(target.values), dtype=bool))
        rows = subject.sample(_ROWS, answered)
        if len(rows) < 40:
            return []
        rows = np.random.Generator(np.random.PCG64(SEED)).permutation(rows)
        truth = target.values[rows]
        found = []
        dates = [c for c in subject.columns("date", "ignore") if c.values.dtype.kind == "M"]
        for column in self.within([*subject.numeric, *subject.worded, *dates]):
            values = _comparable(column, rows, subject)
            score = _score(values, truth, target.kind == "numeric")
            if score < NEARLY:
                continue
            measure = say("R² of ranks" if target.kind == "numeric" else "balanced accuracy beyond chance")
            same = column.values.dtype == truth.dtype and bool((column.values[rows] == truth).all())
            message = say("The same values as the target in every row.")
            if not same:
                message = say(
                    "It alone tells the target almost perfectly ({measure} {score:.3f} on rows held out).",
                    measure=measure,
                    score=float(score),
                )
            action = say(
                "If it is not known when a prediction is wanted, put it aside: `data.columns.{column}: ignore`.",
                column=column.name,
            )
            found.append(
                self.finding(
                    subject, message, action, column=column.name, count=len(subject), facts={"score": float(score)}
                )
            )
        return found


def _comparable(column: Column, rows: NDArray[np.int64], subject: Subject) -> NDArray[Any]:
    """The column's values, dates as nanoseconds; of text and identifiers only whether they are there."""
    values = column.values[rows]
    if column.kind == "text" or column.name in subject.identifiers:
        return np.asarray(pd.isna(values), dtype=np.float64)
    if values.dtype.kind == "M":
        numbers = values.astype("datetime64[ns]").astype(np.int64).astype(np.float64)
        return np.where(np.isnat(values), np.nan, numbers)
    return values


def _score(values: NDArray[Any], truth: NDArray[Any], is_number: bool) -> float:
    """How well the column tells the target on the second half of the rows, 0 for chance and 1 for perfectly."""
    half = len(values) // 2
    coarse = codes(values)
    if coarse.max() >= len(values) // 4:  # nearly every level is alone; only that it is there can hold on other rows
        values = np.asarray(pd.isna(values), dtype=np.float64)
        coarse = codes(values)
    if is_number:
        # By rank, so that one far value does not decide, and any rising function of the target counts.
        answers = np.unique(truth.astype(np.float64), return_inverse=True)[1].astype(np.float64)
        if _explained(coarse, answers, half) < _SCREEN:
            return 0.0
        return _explained(_tree_input(values), answers, half, tree=True)
    classes = codes(truth, most=_LEVELS)
    first = _told(coarse, classes, half)
    if first < _SCREEN or first >= NEARLY or values.dtype.kind not in "fiub":
        return first
    return max(first, _told(_tree_input(values), classes, half, tree=True))


def _tree_input(values: NDArray[Any]) -> NDArray[np.float64]:
    plain = values.astype(np.float64) if values.dtype.kind in "fiub" else codes(values).astype(np.float64)
    spare = float(np.nanmin(plain)) - 1 if np.isfinite(plain).any() else 0.0
    return np.where(np.isfinite(plain), plain, spare)


def _explained(inputs: NDArray[Any], answers: NDArray[np.float64], half: int, *, tree: bool = False) -> float:
    """R² on the second half of a rule from the first."""
    truth = answers[half:]
    spread = float(((truth - truth.mean()) ** 2).sum())
    if spread <= 0:
        return 0.0
    if tree:
        from sklearn.tree import DecisionTreeRegressor

        rule = DecisionTreeRegressor(min_samples_leaf=2, random_state=SEED).fit(inputs[:half, None], answers[:half])
        told = rule.predict(inputs[half:, None])
    else:
        size = int(inputs.max()) + 1
        counts = np.bincount(inputs[:half], minlength=size)
        sums = np.bincount(inputs[:half], weights=answers[:half], minlength=size)
        means = np.where(counts > 0, sums / np.maximum(counts, 1), answers[:half].mean())
        told = means[inputs[half:]]
    return 1.0 - float(((truth - told) ** 2).sum()) / spread


def _told(inputs: NDArray[Any], classes: NDArray[np.int64], half: int, *, tree: bool = False) -> float:
    """Balanced accuracy on the second half of a rule from the first, 0 for chance."""
    size = int(classes.max()) + 1
    if tree:
        from sklearn.tree import DecisionTreeClassifier

        rule = DecisionTreeClassifier(min_samples_leaf=2, random_state=SEED, class_weight="balanced")
        told = rule.fit(inputs[:half, None], classes[:half]).predict(inputs[half:, None])
    else:
        table = np.zeros((int(inputs.max()) + 1, size))
        np.add.at(table, (inputs[:half], classes[:half]), 1.0)
        weight = table.sum(axis=0)
        told = (table / np.maximum(weight, 1.0)).argmax(axis=1)[inputs[half:]]
    truth = classes[half:]
    counts = np.bincount(truth, minlength=size)
    hits = np.bincount(truth[told == truth], minlength=size)
    present = counts > 0
    if present.sum() < 2:
        return 0.0
    chance = 1.0 / present.sum()
    return float(((hits[present] / counts[present]).mean() - chance) / (1.0 - chance))
