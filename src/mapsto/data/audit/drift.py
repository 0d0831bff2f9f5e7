"""Parts that were not drawn alike."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data.audit import _features
from mapsto.data.audit._subject import SEED, Rows, Subject
from mapsto.data.audit.base import Check, Finding
from mapsto.data.table import PART_NAMES, Column, Kind, Part

LEVEL = 0.01
"""Of the tests of all columns together (Bonferroni)."""

DISTANCE = 0.1
"""A difference must also be as large as this: with many rows the least one is certain."""

TOLD_APART = 0.65
"""Share of pairs, one row of each part, that a model puts in order (area under the curve); 0.5 is chance."""

_ROWS, _MODEL_ROWS, _FEWEST = 50_000, 2000, 30


class Drift(Check):
    """Compares the training part that is given with the given validation and test parts: each column by the
    Kolmogorov-Smirnov or the chi-squared test, and whole rows by whether a model tells the parts apart (classifier
    two-sample test, Lopez-Paz and Oquab 2017).
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("numeric", "category", "text", "image")

    def run(self, subject: Subject) -> list[Finding]:
        first = subject.parts.get("train")
        found: list[Finding] = []
        for part in ("test", "validation"):
            second = subject.parts.get(part)
            if first is not None and second is not None and min(len(first), len(second)) >= _FEWEST:
                found += self._columns(subject, part, subject.sample(_ROWS, first), subject.sample(_ROWS, second))
                if not self.is_late:
                    found += self._rows(subject, part, first, second)
        return found

    def _columns(self, subject: Subject, part: Part, first: Rows, second: Rows) -> list[Finding]:
        columns = [
            c for c in subject.columns("numeric", "category", with_target=True) if c.name not in subject.identifiers
        ]
        found = []
        for column in self.within(columns):
            distance, chance = difference(column, first, second)
            if chance * len(columns) >= LEVEL or distance < DISTANCE:
                continue
            message = say(
                "Distributed otherwise in the {part} part than in training (distance {distance:.2f} of 1, "
                "p {chance:.1g}); {means}.",
                part=PART_NAMES[part],
                distance=distance,
                chance=chance,
                means=_means(column, first, second),
            )
            action = say("Find out why: a network is tested on other data than it learns from.")
            facts = {"distance": distance, "p": chance, "part": part}
            parts: tuple[Part, ...] = ("train", part)
            found.append(
                self.finding(subject, message, action, column=column.name, count=len(second), parts=parts, facts=facts)
            )
        return sorted(found, key=lambda finding: -float(finding.facts["distance"]))

    def _rows(self, subject: Subject, part: Part, first: Rows, second: Rows) -> list[Finding]:
        first, second = subject.sample(_MODEL_ROWS, first), subject.sample(_MODEL_ROWS, second)
        rows = np.concatenate([first, second])
        origin = np.repeat([0, 1], [len(first), len(second)])
        area, error = told_apart(_features.matrix(subject, rows), origin)
        if area < TOLD_APART or area - 3 * error < 0.5:
            return []
        message = say(
            "A model tells {part} rows from training rows in {share:.0f} % of pairs (chance: 50 %).",
            part=PART_NAMES[part],
            share=100 * area,
        )
        action = say(
            "The parts were not drawn alike; a score on this part says less about training data, and the reverse."
        )
        parts: tuple[Part, ...] = ("train", part)
        return [
            self.finding(
                subject,
                message,
                action,
                count=len(second),
                parts=parts,
                facts={"auc": area, "error": error, "part": part},
            )
        ]


def difference(column: Column, first: Rows, second: Rows) -> tuple[float, float]:
    """How far two parts of a column lie apart, from 0 to 1, and the chance of that where they are drawn alike."""
    from scipy import stats

    if column.values.dtype.kind in "fiub":
        a, b = (column.values[rows].astype(np.float64) for rows in (first, second))
        a, b = a[np.isfinite(a)], b[np.isfinite(b)]
        if min(len(a), len(b)) < _FEWEST:
            return 0.0, 1.0
        tested = stats.ks_2samp(a, b, method="asymp")
        return float(tested.statistic), float(tested.pvalue)
    codes, unique = pd.factorize(np.concatenate([column.values[first], column.values[second]]))
    table = np.stack(
        [np.bincount(part + 1, minlength=len(unique) + 1) for part in (codes[: len(first)], codes[len(first) :])]
    ).astype(np.float64)
    rare = table.sum(axis=0) < 10
    table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return 0.0, 1.0
    chance = float(stats.chi2_contingency(table).pvalue)
    shares = table / table.sum(axis=1, keepdims=True)
    return float(np.abs(shares[0] - shares[1]).sum() / 2), chance


def told_apart(inputs: NDArray[np.float64], origin: NDArray[Any]) -> tuple[float, float]:
    """The area under the curve of a model that has not seen the rows, and its standard error (Hanley, McNeil 1982)."""
    if not inputs.shape[1]:
        return 0.5, 1.0
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.metrics import roc_auc_score

    forest = ExtraTreesClassifier(
        n_estimators=60, min_samples_leaf=5, bootstrap=True, oob_score=True, random_state=SEED
    )
    forest.fit(inputs, origin)
    area = float(roc_auc_score(origin, forest.oob_decision_function_[:, 1]))
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    m, n = int((origin == 1).sum()), int((origin == 0).sum())
    variance = (area * (1 - area) + (m - 1) * (q1 - area**2) + (n - 1) * (q2 - area**2)) / (m * n)
    return area, float(np.sqrt(max(variance, 0.0)))


def _means(column: Column, first: Rows, second: Rows) -> str:
    if column.values.dtype.kind in "fiub":
        a, b = (float(np.nanmedian(column.values[rows])) for rows in (first, second))
        return say("the median is {there:.6g} in training and {here:.6g} here", there=a, here=b)
    old: pd.Series[float] = pd.Series(column.values[first], dtype=object).value_counts(normalize=True)
    new: pd.Series[float] = pd.Series(column.values[second], dtype=object).value_counts(normalize=True)
    gaps = {str(key): float(old.get(key, 0.0)) - float(new.get(key, 0.0)) for key in {*old.index, *new.index}}
    level = max(sorted(gaps), key=lambda key: abs(gaps[key]))
    there, here = (100 * float(shares.get(level, 0.0)) for shares in (old, new))
    return say('"{level}" makes {there:.1f} % of training and {here:.1f} % here', level=level, there=there, here=here)
