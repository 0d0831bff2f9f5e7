"""The rate falls in steps."""

from __future__ import annotations

import math

from pydantic import Field

from mapsto.training.schedules.base import Schedule


class Step(Schedule):
    """`gamma^k` in the k-th of `drops + 1` equal parts of the training, counted from 0.

    Example:
        >>> [round(Step(drops=2).factor(step, 90), 3) for step in (29, 30, 60)]
        [1.0, 0.1, 0.01]
    """

    drops: int = Field(2, ge=1, le=1000, description="how often the rate falls")
    gamma: float = Field(0.1, gt=0, le=1, description="what the rate is multiplied by at each fall")

    def decay(self, progress: float) -> float:
        part = math.floor(progress * (self.drops + 1) + 1e-9)  # a third of three parts is a whole one, rounded or not
        return self.gamma ** min(self.drops, part)
