"""Half a cosine from the full rate to its end."""

from __future__ import annotations

import math

from pydantic import Field

from mapsto.training.schedules.base import Schedule


class Cosine(Schedule):
    """`end + (1 − end)·(1 + cos(π·progress)) / 2`. Loshchilov and Hutter, "SGDR", 2016, arXiv:1608.03983.

    Example:
        >>> round(Cosine().factor(50, 100), 3)
        0.5
    """

    end: float = Field(0.0, ge=0, le=1, description="share of the learning rate that is left at the end")

    def decay(self, progress: float) -> float:
        return self.end + (1 - self.end) * (1 + math.cos(math.pi * progress)) / 2
