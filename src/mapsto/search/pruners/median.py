"""Stops a trial that is worse than the median of the earlier ones at the same epoch."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto.search.pruners.base import Pruner

if TYPE_CHECKING:
    from mapsto.search.outcome import Outcome, Point
    from mapsto.search.problem import Problem


class Median(Pruner):
    """Compares the best score so far with the median of other trials; Golovin et al., "Google Vizier", KDD 2017.

    Not among the first four trials, and not in the first fifth of a training, where scores say little.
    """

    title: ClassVar[str] = "median rule"

    def knows(self, problem: Problem, history: Sequence[Outcome], number: int) -> dict[str, Any] | None:
        if number < 4:
            return None
        medians = {}
        for unit in range(max(1, problem.max_fidelity // 5), problem.max_fidelity):
            bests = [_best(problem, o.curve, unit) for o in history if o.curve and o.curve[-1][0] >= unit]
            if len(bests) >= 3:
                medians[str(unit)] = statistics.median(bests)
        return medians or None

    def stops(self, problem: Problem, known: dict[str, Any], curve: Sequence[Point]) -> bool:
        unit = curve[-1][0]
        if str(unit) not in known:
            return False
        best, median = _best(problem, curve, unit), float(known[str(unit)])
        return best < median if problem.directions[0] == "maximize" else best > median


def _best(problem: Problem, curve: Sequence[Point], unit: int) -> float:
    values = [values[0] for step, values in curve if step <= unit] or [curve[0][1][0]]
    return max(values) if problem.directions[0] == "maximize" else min(values)
