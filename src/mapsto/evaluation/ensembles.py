"""Greedy ensembles: networks whose averaged answers are better than the best one's.

Caruana et al.'s selection with replacement. It begins with the best few networks (as many as do best together), and
adds, again and again, the one that improves the average most on the validation part; a network that is added twice
weighs twice. It ends where no step improves the metric by more than the standard error of that improvement over the
rows, so that what is only luck of these rows adds nothing.

The metric on the rows that chose the ensemble flatters it; the test part tells how good it is.

References:
    Caruana, Niculescu-Mizil, Crew and Ksikes, 2004, "Ensemble selection from libraries of models", ICML.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapsto.evaluation.comparison import row_differences
from mapsto.metrics.base import Metric

START = 5
"""The best networks that it may begin with."""


@dataclass(frozen=True)
class Ensemble:
    """Networks and how much each of them counts.

    Attributes:
        counts: how often each network was taken, in the order in which they were given.
        score: of the ensemble on the rows that chose it, in the metric's unit.
        best: index of the best single network.
        best_score: its score on the same rows, never better than `score`.
    """

    counts: tuple[int, ...]
    score: float
    best: int
    best_score: float

    @property
    def weights(self) -> tuple[float, ...]:
        """Shares of the networks; their sum is 1."""
        return tuple(count / sum(self.counts) for count in self.counts)


def greedy(metric: Metric, predictions: Sequence[NDArray[Any]], targets: NDArray[Any], max_size: int = 20) -> Ensemble:
    """The ensemble that does best on these rows, found step by step.

    Networks whose metric is not defined (they have diverged) are left out. Of equals the first is taken.

    Args:
        metric: the objective.
        predictions: one array a network, for the same rows, as the metric takes them: probabilities or values.
        targets: of these rows.
        max_size: networks at most, counting one as often as it was taken.

    Example:
        >>> from mapsto.metrics.mae import MAE
        >>> truth = np.arange(20.0)
        >>> error = np.where(np.arange(20) % 2, 1.0, -1.0)
        >>> found = greedy(MAE(), [truth + error, truth - 1.1 * error, truth + 3], truth)
        >>> found.counts, found.best_score, round(found.score, 3)
        ((1, 1, 0), 1.0, 0.05)

    Raises:
        ValueError: the predictions are masks of class ids, which have no mean, or there is no network with a score.
    """
    if metric.takes == "masks":
        raise ValueError(
            f"Masks of class ids have no mean, so their networks make no ensemble. Received: the metric {metric.title}."
        )
    if max_size < 1:
        raise ValueError(f"`max_size` must be at least 1. Received: {max_size=}.")
    sign = 1 if metric.direction == "maximize" else -1
    singles = [sign * metric(found, targets) for found in predictions]
    order = sorted((i for i, value in enumerate(singles) if math.isfinite(value)), key=lambda i: (-singles[i], i))
    if not order:
        raise ValueError(f"No network has a score for the {metric.title}. Received: {len(predictions)} networks.")
    search = _Greedy(metric, sign, predictions, targets)
    counts = search.beginning(order[: min(START, max_size)])
    while sum(counts) < max_size:
        trials = [_added(counts, [i]) for i in order]
        found = max(trials, key=search.value)  # the first of equals
        if not search.gains(found, counts):
            break
        counts = found
    return Ensemble(tuple(counts), sign * search.value(counts), order[0], sign * singles[order[0]])


def combined(predictions: Sequence[NDArray[Any]], weights: Sequence[float]) -> NDArray[Any]:
    """The weighted mean of predictions, in their own type.

    Args:
        predictions: one array a network, all of one shape; of networks that weigh nothing, whatever.
        weights: one a network, at least 0.

    Example:
        >>> combined([np.array([1.0, 2.0]), np.array([3.0, 2.0])], [0.25, 0.75])
        array([2.5, 2. ])

    Raises:
        ValueError: the predictions are class ids, or do not belong together.
    """
    if len(predictions) != len(weights) or min(weights, default=-1) < 0 or not any(weights):
        raise ValueError(
            "`weights` must be one a network, none negative, not all 0. "
            f"Received: {len(predictions)} networks and {weights=}."
        )
    counted = [(np.asarray(p), w) for p, w in zip(predictions, weights, strict=True) if w > 0]
    first = counted[0][0]
    if not all(np.issubdtype(p.dtype, np.floating) for p, _ in counted):
        raise ValueError(f"Only probabilities and values have a mean, not class ids. Received: {first.dtype=}.")
    if any(p.shape != first.shape for p, _ in counted):
        raise ValueError(f"All predictions must have one shape. Received: {[p.shape for p, _ in counted]}.")
    total = math.fsum(weights)
    mean = sum(np.multiply(p, w / total, dtype=np.float64) for p, w in counted)
    return np.asarray(mean, dtype=first.dtype)


class _Greedy:
    """Scores of ensembles by their counts."""

    def __init__(self, metric: Metric, sign: int, predictions: Sequence[NDArray[Any]], targets: NDArray[Any]) -> None:
        self.metric, self.sign, self.predictions, self.targets = metric, sign, predictions, targets
        self.known: dict[tuple[int, ...], float] = {}

    def mean(self, counts: list[int]) -> NDArray[Any]:
        return combined(self.predictions, counts)

    def value(self, counts: list[int]) -> float:
        """Higher is better, whatever the direction of the metric."""
        key = tuple(counts)
        if key not in self.known:
            self.known[key] = self.sign * self.metric(self.mean(counts), self.targets)
        return self.known[key]

    def beginning(self, order: list[int]) -> list[int]:
        """The best network, or as many of the best as do best together if that is beyond noise."""
        none = [0] * len(self.predictions)
        single = _added(none, order[:1])
        best = max((_added(none, order[: size + 1]) for size in range(len(order))), key=self.value)
        return best if self.gains(best, single) else single

    def gains(self, new: list[int], old: list[int]) -> bool:
        """Whether one ensemble is better than another by more than the standard error of the difference over rows."""
        gain = self.value(new) - self.value(old)
        if not gain > 0:
            return False
        rows = row_differences(self.metric, [self.mean(new)], [self.mean(old)], self.targets)
        error = math.sqrt(float(rows.var(ddof=1)) / len(rows)) if len(rows) > 1 else math.inf
        # NaN, where the rows do not say, is no gain; one row alone that is answered rightly is exactly one error.
        return gain > error and not math.isclose(gain, error, rel_tol=1e-6)


def _added(counts: list[int], indexes: list[int]) -> list[int]:
    return [count + indexes.count(i) for i, count in enumerate(counts)]
