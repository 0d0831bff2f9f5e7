"""Stops a trial whose learning curve will hardly come to beat the best finished one, and lets it go on if it may."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.search.curves import Forecast, extrapolate, normal_chance
from mapsto.search.outcome import ranked
from mapsto.search.pruners import _pareto
from mapsto.search.pruners._known import RECENT, curve_losses, frozen, reached, trainings
from mapsto.search.pruners.base import Pruner

if TYPE_CHECKING:
    from mapsto.search.outcome import Outcome, Point
    from mapsto.search.problem import Problem

STOP = 0.05
"""Chance of beating the best finished trial below which a trial is stopped."""

THAW = 0.1
"""Chance from which a stopped trial goes on: well above `STOP`, so that it is not stopped again at once."""

FEWEST_POINTS = 5
"""Of a curve that is judged."""

MOST_FINISHED = 100
"""Finished trials that are looked at, the last ones; forgetting others only stops less."""

PRIOR = 5.0
"""Finished trials that the forecasts are trusted for beforehand."""


class Extrapolate(Pruner):
    """Ends a trial where the chance that its score beats the best finished one is below 5 %, as `search.curves` says.

    Domhan et al. 2015, "Speeding up automatic hyperparameter optimization of deep neural networks by extrapolation of
    learning curves". The forecasts are checked on the finished trials: from the first third of each its end is
    forecast, and where they ended better than forecast, or further from it, every later forecast is moved and widened.
    So it may turn out that a stopped trial was given up too soon; if its chance is now 10 % or more, the one with the
    greatest goes on (freeze and thaw, Swersky et al. 2014, arXiv:1406.3896).

    With several objectives a trial must have such a chance in at least one of them beside each finished trial on the
    Pareto front. The last 100 finished trials and the best one are looked at.
    """

    title: ClassVar[str] = "extrapolated learning curves"

    def knows(self, problem: Problem, history: Sequence[Outcome], number: int) -> dict[str, Any] | None:
        found = [(outcome, curve_losses(problem, outcome.curve)) for outcome in _finished(problem, history)]
        found = [(outcome, losses) for outcome, losses in found if np.isfinite(losses).any()]
        if not found:
            return None
        ends = np.array([losses[np.argmin(losses[:, 0])] for _, losses in found])
        misses = [miss for outcome, losses in found for miss in _misses(problem, outcome, losses)]
        errors = np.array(misses).reshape(-1, len(problem.directions))
        shift = errors.sum(axis=0) / (len(errors) + PRIOR)
        spread = np.sqrt((PRIOR + ((errors - shift) ** 2).sum(axis=0)) / (len(errors) + PRIOR))
        best = np.unique(ends[_pareto.fronts(ends) == 0], axis=0)
        # Never the other way: the finished ones level out, which says little of one that still rises.
        shift, spread = np.minimum(shift, 0.0), np.maximum(spread, 1.0)
        return {"best": best.tolist(), "shift": shift.tolist(), "spread": spread.tolist()}

    def stops(self, problem: Problem, known: dict[str, Any], curve: Sequence[Point]) -> bool:
        return len(curve) >= FEWEST_POINTS and _chance(problem, known, curve) < STOP

    def thaws(self, problem: Problem, history: Sequence[Outcome], going_on: Collection[int] = ()) -> int | None:
        candidates = frozen(history, going_on)
        known = self.knows(problem, history, len(history)) if candidates else None
        if known is None:
            return None
        chances = {
            training.number: _chance(problem, known, training.curve)
            for training in [training for training in trainings(history) if training.number in candidates][-RECENT:]
            if len(training.curve) >= FEWEST_POINTS
        }
        number = max(chances, key=lambda number: (chances[number], -number), default=None)
        return number if number is not None and chances[number] >= THAW else None


def _finished(problem: Problem, history: Sequence[Outcome]) -> list[Outcome]:
    """The last finished trials, and the best of all."""
    found = [outcome for outcome in trainings(history) if outcome.state == "complete" and outcome.curve]
    older, recent = found[:-MOST_FINISHED], found[-MOST_FINISHED:]
    return ranked(older, problem.directions[0])[:1] + recent


def _chance(problem: Problem, known: dict[str, Any], curve: Sequence[Point]) -> float:
    """The chance of beating the finished trial that leaves least chance, in the objective in which it leaves most."""
    losses = curve_losses(problem, curve)
    reached_now = losses.min(axis=0)
    chances = np.zeros((len(known["best"]), len(problem.directions)))
    for place, forecast in enumerate(_forecasts(problem, curve, losses)):
        mean, std = forecast.mean + known["shift"][place] * _finite(forecast.std), forecast.std * known["spread"][place]
        for row, target in enumerate(known["best"]):
            is_beaten = reached_now[place] < target[place]
            chances[row, place] = 1.0 if is_beaten else normal_chance(target[place] - mean, std)
    return float(chances.max(axis=1).min())


def _misses(problem: Problem, outcome: Outcome, losses: NDArray[np.float64]) -> list[list[float]]:
    """How far a finished trial ended from the forecast after a third of the training, in standard deviations.

    One list of an entry an objective; none where the trial was not that long.
    """
    index = reached(outcome.curve, max(FEWEST_POINTS, problem.max_fidelity // 3))
    if index is None or index + 1 == len(outcome.curve):
        return []
    forecasts = _forecasts(problem, outcome.curve[: index + 1], losses[: index + 1])
    ends = losses.min(axis=0).tolist()
    found = [
        (end - forecast.mean) / forecast.std if 0 < forecast.std < math.inf else 0.0
        for end, forecast in zip(ends, forecasts, strict=True)
    ]
    return [found]


def _forecasts(problem: Problem, curve: Sequence[Point], losses: NDArray[np.float64]) -> list[Forecast]:
    units = [unit for unit, _ in curve]
    return [_forecast(tuple(zip(units, column, strict=True)), problem.max_fidelity) for column in losses.T.tolist()]


@lru_cache(maxsize=4096)
def _forecast(curve: tuple[tuple[int, float], ...], until: int) -> Forecast:
    """Of losses; kept, since the same curves are looked at for every trial."""
    return extrapolate(curve, until, "minimize")


def _finite(std: float) -> float:
    return std if math.isfinite(std) else 0.0
