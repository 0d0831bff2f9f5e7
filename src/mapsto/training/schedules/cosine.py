"""Half a cosine from the full rate to its end, once or several times."""

from __future__ import annotations

import math

from pydantic import Field

from mapsto.training.schedules.base import Schedule

LARGEST_LOG = 700.0
"""Of a float."""


class Cosine(Schedule):
    """`end + (1 − end)·(1 + cos(π·progress)) / 2`, where progress is that in the present of `cycles` cycles.

    Each cycle is `growth` times as long as the one before, and begins at the full rate again.
    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2016, arXiv:1608.03983.

    Example:
        >>> round(Cosine().factor(50, 100), 3), Cosine(cycles=2, growth=3).factor(25, 100)
        (0.5, 1.0)
    """

    end: float = Field(0.0, ge=0, le=1, description="share of the learning rate that is left at the end")
    cycles: int = Field(1, ge=1, le=1000, description="how often the rate falls; it begins anew after each fall")
    growth: float = Field(1.0, ge=1, le=10, description="how many times longer each fall is than the one before")

    def decay(self, progress: float) -> float:
        position = 1.0 if progress >= 1 else self._position(progress) % 1
        return self.end + (1 - self.end) * (1 + math.cos(math.pi * position)) / 2

    def _position(self, progress: float) -> float:
        """Falls done, from 0 to `cycles`, the present one by its share."""
        if self.growth == 1:
            position = progress * self.cycles
        else:  # the lengths 1, growth, growth², ... up to a cycle sum to (growth^cycles - 1) / (growth - 1)
            # Shorter cycles than those that a float can hold are over before the first step.
            cycles = min(self.cycles, int(LARGEST_LOG / math.log(self.growth)))
            whole = self.growth**cycles - 1
            done = math.floor(math.log1p(progress * whole) / math.log(self.growth) + 1e-9)
            before, after = ((self.growth**cycle - 1) / whole for cycle in (done, done + 1))
            position = done + max(0.0, (progress - before) / (after - before))
        near = round(position)
        return near if abs(position - near) < 1e-9 else position
