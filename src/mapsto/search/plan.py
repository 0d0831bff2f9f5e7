"""The budget and how it is divided: exploring, confirming the finalists with further seeds, the final fit, the test.

What a run takes is measured from the first seconds on, so the plan is revised as the study goes.
"""

from __future__ import annotations

from dataclasses import dataclass

from mapsto.evaluation.heats import HEAT

SAFETY = 1.2
"""Later runs of a recipe may take that much longer than its first did."""

SHARE_AFTER_EXPLORING = 0.5
"""Confirming, the final fit and the test together never take more than this share of the budget."""

CONFIRM_SHARE = 0.2
"""Of the budget, for more fresh runs than the fewest."""

HEAT_SHARE = 0.1
"""Of the budget, for heats."""


@dataclass(frozen=True)
class Plan:
    """Divides a budget in wall-clock time; without one, only trials are counted.

    Attributes:
        seconds: the whole budget, or None.
        n_trials: recipes to explore at most, or None.
        finalists: recipes that are run again, the default beside them.
        num_seeds: fresh runs of each of them, at least.
        test_seconds: kept for the test, the plain baselines and the report.
        max_seeds: fresh runs of each at most, where more can make the difference clear.
        workers: trainings at once.
        ablation: share of the budget for the path from the default recipe to the winner.

    Example:
        >>> plan = Plan(seconds=100, n_trials=None, finalists=1, num_seeds=2, test_seconds=5)
        >>> plan.explore_until(run_seconds=1)
        84.2
    """

    seconds: float | None
    n_trials: int | None
    finalists: int
    num_seeds: int
    test_seconds: float
    max_seeds: int = 1
    workers: int = 1
    ablation: float = 0.0

    def explore_until(self, run_seconds: float) -> float:
        """Elapsed seconds at which exploring ends, where one full run takes `run_seconds`."""
        if self.seconds is None:
            return float("inf")
        wanted = self.heat_seconds(run_seconds) + self.confirm_seconds(run_seconds)
        wanted += self.final_seconds(run_seconds) + self.test_seconds
        return self.seconds - min(wanted + self.ablation * self.seconds, SHARE_AFTER_EXPLORING * self.seconds)

    def confirm_seconds(self, run_seconds: float) -> float:
        """What fresh runs of the finalists and the default take: the fewest, and more as far as they are cheap."""
        each = SAFETY * -(-(self.finalists + 1) // self.workers) * run_seconds
        cheap = CONFIRM_SHARE * (self.seconds or 0.0)
        return max(self.num_seeds * each, min(self.max_seeds * each, cheap))

    def heat_seconds(self, run_seconds: float) -> float:
        """What the repeats take that find the finalists: about as many as a heat has, where that is cheap."""
        return min(SAFETY * -(-HEAT // self.workers) * run_seconds, HEAT_SHARE * (self.seconds or 0.0))

    def final_seconds(self, run_seconds: float) -> float:
        """What the final fit takes."""
        return SAFETY * run_seconds

    def heats_until(self, run_seconds: float) -> float:
        """Elapsed seconds at which no further heat is begun: the final must still follow."""
        if self.seconds is None:
            return float("inf")
        return self.explore_until(run_seconds) + self.heat_seconds(run_seconds)

    def confirm_until(self, run_seconds: float) -> float:
        """Elapsed seconds at which no further seed is begun or continued: the final fit must still follow."""
        if self.seconds is None:
            return float("inf")
        left = self.seconds * (1 - self.ablation) - self.test_seconds - self.final_seconds(run_seconds)
        return max(left, self.heats_until(run_seconds))

    def ablate_until(self, run_seconds: float) -> float:
        """Elapsed seconds at which no further run on the path to the winner is begun."""
        if self.seconds is None:
            return float("inf")
        return self.seconds - self.test_seconds - self.final_seconds(run_seconds)

    def final_until(self) -> float:
        """Elapsed seconds at which the final fit ends."""
        return float("inf") if self.seconds is None else max(0.0, self.seconds - self.test_seconds)

    def first_until(self) -> float:
        """Elapsed seconds at which the first trial ends, before anything is known about how long runs take."""
        return float("inf") if self.seconds is None else (1 - SHARE_AFTER_EXPLORING) * self.seconds
