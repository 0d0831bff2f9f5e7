"""The learning rate of a recipe: proposed by a range test, decided by short real runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mapsto.training.finders.range_test import HIGH, RangeTest, Stepper, range_test

SEEDS = (0, 1, 2)
SWEEP_SHARE, MIN_SWEEP_STEPS, MAX_SWEEP_STEPS = 0.02, 25, 120
"""Steps of a sweep: a share of a whole run, within bounds."""

SPACING = math.sqrt(10)
"""Between neighboring candidates."""

RUNGS = ((7, 0.05), (3, 0.18))
"""Candidates that are run, and for which share of a whole run: many for a short time, the best of them for longer."""

MIN_STEPS = 10

LITTLE = 0.05
"""Share of the loss by which candidates must differ: where they differ by less, none has been trained."""


@dataclass(frozen=True)
class ShortRun:
    """One candidate's short run: the recipe's own schedule over fewer steps.

    Attributes:
        rate: the learning rate.
        steps: of the run.
        loss: over the validation rows at its end; infinite where it diverged.
    """

    rate: float
    steps: int
    loss: float


@dataclass(frozen=True)
class FoundRate:
    """What the finder says.

    Attributes:
        rate: the pick.
        test: the sweeps that proposed the candidates.
        runs: the short runs that decided.
        steps: of optimization that all of it took.
        total_steps: of one whole run of the recipe.
    """

    rate: float
    test: RangeTest
    runs: tuple[ShortRun, ...]
    steps: int
    total_steps: int

    @property
    def cost(self) -> float:
        """Of the search, in whole runs."""
        return self.steps / self.total_steps


def find_rate(
    start: Callable[[int], Stepper],
    factor: Callable[[int, int], float],
    total_steps: int,
    *,
    seeds: Sequence[int] = SEEDS,
) -> FoundRate:
    """Finds the learning rate from which a training ends best.

    A range test says where the loss falls at all; candidates a half decade apart around it are then trained for a
    small share of a whole run with the recipe's own schedule, the best of them for a longer share, and the vertex of
    the parabola through the best and its neighbors is the pick. A range test alone says how the first steps go, which
    is not how a training ends. Where no candidate changed the loss, higher ones are tried for as long as they help.

    Args:
        start: makes a fresh training for a seed.
        factor: of the schedule, by step and number of steps.
        total_steps: of a whole run.
        seeds: of the sweeps; the short runs take them in turn.
    """
    sweep_steps = int(min(MAX_SWEEP_STEPS, max(MIN_SWEEP_STEPS, SWEEP_SHARE * total_steps)))
    test = range_test(start, seeds=seeds, steps=sweep_steps)
    spent = int(np.isfinite(test.losses).sum())
    runs: list[ShortRun] = []
    rates = candidates(test, RUNGS[0][0])
    for number, (count, share) in enumerate(RUNGS):
        steps = max(MIN_STEPS, round(share * total_steps))

        def run(rate: float, seed: int = seeds[number % len(seeds)], steps: int = steps) -> ShortRun:
            return _short_run(start(seed), factor, rate, steps)

        found = [run(rate) for rate in sorted(rates[:count])]
        if number == 0 and _taught_nothing(found):
            while found[-1].rate * SPACING <= HIGH and found[-1] is min(found, key=lambda run: run.loss):
                found.append(run(found[-1].rate * SPACING))
        spent += steps * len(found)
        runs += found
        found.sort(key=lambda run: run.loss)
        rates = [run.rate for run in found]
        if number + 1 < len(RUNGS):
            rates = _around(rates[0], rates, RUNGS[number + 1][0])
    return FoundRate(_vertex(found), test, tuple(runs), spent, total_steps)


def candidates(test: RangeTest, count: int) -> list[float]:
    """Rates worth a real run, around the one at which the loss fell fastest, not beyond where it was lowest."""
    top = test.lowest
    bottom = min(test.steepest / SPACING, top / SPACING ** (count - 1))
    rates = [top / SPACING**step for step in range(64)]
    return [rate for rate in rates if rate >= bottom / 1.001][:count]


def _taught_nothing(runs: Sequence[ShortRun]) -> bool:
    """Whether no rate was high enough to change the loss.

    Sweeps of few steps on small batches are so noisy that their lowest loss may lie where no weight moves.
    """
    losses = [run.loss for run in runs]
    return math.isfinite(max(losses)) and max(losses) - min(losses) < LITTLE * abs(max(losses))


def _around(best: float, ordered: Sequence[float], count: int) -> list[float]:
    """The best rate and its neighbors on the grid, then the next best: what brackets the optimum."""
    near = [rate for rate in ordered if 0.9 < abs(math.log(rate / best)) / math.log(SPACING) < 1.1]
    return list(dict.fromkeys([best, *near, *ordered]))[:count]


def _short_run(stepper: Stepper, factor: Callable[[int, int], float], rate: float, steps: int) -> ShortRun:
    losses = stepper.train_steps([rate * factor(step, steps) for step in range(steps)])
    loss = stepper.validation_loss() if np.isfinite(losses).all() else math.inf
    return ShortRun(rate, steps, loss if math.isfinite(loss) else math.inf)


def _vertex(runs: Sequence[ShortRun]) -> float:
    """The lowest point of the parabola through the best run and its two neighbors, over the logarithm of the rate."""
    ordered = sorted(runs, key=lambda run: run.rate)
    place = min(range(len(ordered)), key=lambda index: ordered[index].loss)
    if not 0 < place < len(ordered) - 1 or not math.isfinite(ordered[place + 1].loss):
        return ordered[place].rate
    low, best, high = ordered[place - 1 : place + 2]
    left, right = math.log(best.rate / low.rate), math.log(best.rate / high.rate)
    fall, rise = best.loss - high.loss, best.loss - low.loss
    curvature = left * fall - right * rise
    if curvature == 0:  # all three are equal
        return best.rate
    shift = (left**2 * fall - right**2 * rise) / (2 * curvature)
    return best.rate * math.exp(-min(left, max(right, shift)))
