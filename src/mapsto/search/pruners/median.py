"""Stops a trial that is worse than the median of the others at the same epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.search.pruners import _rungs
from mapsto.search.pruners._known import RECENT, curve_losses, losses, packed, trainings
from mapsto.search.pruners.base import Pruner

if TYPE_CHECKING:
    from mapsto.search.outcome import Outcome, Point
    from mapsto.search.problem import Problem

FIRST_TRIALS = 4
"""Trials that are never stopped."""

FEWEST = 3
"""Others that must have come as far."""

MOST_UNITS = {True: 50, False: 8}
"""Units of a training at which trials are judged, evenly spread, with one objective and with several; where it has no
more than so many, each is."""


class Median(Pruner):
    """Compares the best score so far with the median of other trials; Golovin et al., "Google Vizier", KDD 2017.

    Not among the first four trials, and not in the first fifth of a training, where scores say little. With several
    objectives each counts as good as it was so far, and the better half by Pareto rank goes on. The last 300 trials are
    looked at.
    """

    title: ClassVar[str] = "median rule"

    def knows(self, problem: Problem, history: Sequence[Outcome], number: int) -> dict[str, Any] | None:
        others = [training.curve for training in trainings(history)[-RECENT:] if training.curve]
        if number < FIRST_TRIALS or len(others) < FEWEST:
            return None
        found = {}
        for unit, bests in _bests(problem, others, _units(problem)):
            if len(bests) >= FEWEST:
                found[str(unit)] = _middle(bests)
        return {"medians": found} if found else None

    def stops(self, problem: Problem, known: dict[str, Any], curve: Sequence[Point]) -> bool:
        units = [unit for unit in map(int, known["medians"]) if unit <= curve[-1][0]]
        return bool(units) and not _rungs.passes(
            known["medians"][str(max(units))], curve_losses(problem, curve).min(axis=0)
        )


def _units(problem: Problem) -> list[int]:
    """Units at which trials are judged: after the first fifth, before the end."""
    first, count = max(1, problem.max_fidelity // 5), MOST_UNITS[len(problem.directions) == 1]
    step = max(1, math.ceil((problem.max_fidelity - first) / count))
    return list(range(first, problem.max_fidelity, step))


def _bests(
    problem: Problem, curves: Sequence[Sequence[Point]], units: Sequence[int]
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """At each unit the least losses so far of those that came so far, shape `(trials, objectives)`."""
    values = losses(problem, [values for curve in curves for _, values in curve])
    rows = np.repeat(np.arange(len(curves)), [len(curve) for curve in curves])
    columns = np.searchsorted(units, [unit for curve in curves for unit, _ in curve])
    bests = np.full((len(curves), len(units) + 1, len(problem.directions)), np.inf)
    np.minimum.at(bests, (rows, columns), values)
    bests = np.minimum.accumulate(bests, axis=1)
    ends = np.array([curve[-1][0] for curve in curves])
    for place, unit in enumerate(units):
        yield unit, bests[ends >= unit, place]


def _middle(bests: NDArray[np.float64]) -> Any:
    """What a trial has to be as good as, in JSON's types."""
    if bests.shape[1] == 1:
        return packed([float(np.median(bests))])[0]
    return _rungs.bar(bests, (len(bests) + 1) // 2)
