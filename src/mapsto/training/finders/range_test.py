"""The learning-rate range test: one short training whose rate rises until the loss does."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

LOW, HIGH = 1e-6, 10.0
"""The rates between which the test looks."""

MEMORY = 0.9
"""Share of the smoothed loss that is kept from step to step."""

BLOWN_UP = 4.0
"""Times the lowest smoothed loss at which a sweep ends: beyond it nothing is to be learned."""


class Stepper(Protocol):
    """As much of a training as the finders need to know."""

    def train_steps(self, rates: Sequence[float]) -> list[float]:
        """Trains one step at each rate, and returns their losses."""

    def validation_loss(self) -> float:
        """The mean loss of the present weights over validation rows."""


@dataclass(frozen=True)
class RangeTest:
    """What the sweeps saw.

    Attributes:
        rates: ascending.
        losses: smoothed, one row a sweep (seed), one column a rate; NaN after a sweep has ended.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]

    @property
    def middle(self) -> NDArray[np.float64]:
        """The median over the sweeps at each rate; a sweep that has ended counts as infinitely bad."""
        ended = np.where(np.isnan(self.losses), np.inf, self.losses)
        # The lower of two middle ones: the mean of a finite and an infinite number says nothing.
        return np.asarray(np.sort(ended, axis=0)[(len(ended) - 1) // 2])

    @property
    def band(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The lowest and the highest smoothed loss of all sweeps at each rate."""
        ended = np.where(np.isnan(self.losses), np.inf, self.losses)
        return ended.min(axis=0), ended.max(axis=0)

    @property
    def lowest(self) -> float:
        """The rate at which the loss was lowest: beyond it steps are too long."""
        return float(self.rates[int(np.argmin(self.middle))])

    @property
    def steepest(self) -> float:
        """The rate at which the loss fell fastest, per factor in the rate."""
        end = int(np.argmin(self.middle))
        if end < 2:
            return float(self.rates[end])
        slopes = np.gradient(self.middle[: end + 1], np.log(self.rates[: end + 1]))
        return float(self.rates[int(np.argmin(slopes))])


def range_test(
    start: Callable[[int], Stepper], *, seeds: Sequence[int], steps: int = 100, low: float = LOW, high: float = HIGH
) -> RangeTest:
    """Trains from scratch with a rate that rises geometrically, once a seed, and records the smoothed loss.

    Smith, "Cyclical learning rates for training neural networks", 2015, arXiv:1506.01186; the smoothing is an
    exponential mean without its bias toward the start.

    Args:
        start: makes a fresh training for a seed.
        seeds: one sweep each.
        steps: of a sweep.
        low, high: the first and the last rate.
    """
    rates = np.geomspace(low, high, steps)
    losses = np.full((len(seeds), steps), np.nan)
    for row, seed in enumerate(seeds):
        stepper = start(seed)
        mean, best = 0.0, math.inf
        for column, rate in enumerate(rates):
            (loss,) = stepper.train_steps([float(rate)])
            if not math.isfinite(loss):
                break
            mean = MEMORY * mean + (1 - MEMORY) * loss
            smooth = mean / (1 - MEMORY ** (column + 1))
            losses[row, column] = smooth
            best = min(best, smooth)
            # Near zero, and below it (some losses are negative), a multiple says nothing.
            if smooth > BLOWN_UP * max(best, 0.1 * abs(losses[row, 0])) and column > steps // 10:
                break
    return RangeTest(rates, losses)
