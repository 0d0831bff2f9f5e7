"""The rate falls in a line, or by a power of what is left."""

from __future__ import annotations

from pydantic import Field

from mapsto.training.schedules.base import Schedule


class Polynomial(Schedule):
    """`end + (1 − end)·(1 − progress)^power`; a line where the power is 1.

    Example:
        >>> Polynomial().factor(75, 100), Polynomial(power=2).factor(50, 100)
        (0.25, 0.25)
    """

    end: float = Field(0.0, ge=0, le=1, description="share of the learning rate that is left at the end")
    power: float = Field(1.0, gt=0, le=100, description="1: a line; above: the rate falls faster at first")

    def decay(self, progress: float) -> float:
        return float(self.end + (1 - self.end) * (1 - progress) ** self.power)
