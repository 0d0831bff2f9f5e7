"""The rate falls by the same factor each step."""

from __future__ import annotations

from pydantic import Field

from mapsto.training.schedules.base import Schedule


class Exponential(Schedule):
    """`end^progress`: the factor of a step is the one that leads to `end` at the end.

    Example:
        >>> round(Exponential(end=0.01).factor(50, 100), 3)
        0.1
    """

    end: float = Field(0.01, gt=0, le=1, description="share of the learning rate that is left at the end")

    def decay(self, progress: float) -> float:
        return float(self.end**progress)
