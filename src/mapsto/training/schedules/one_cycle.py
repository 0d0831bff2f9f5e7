"""One rise and one long fall."""

from __future__ import annotations

import math

from pydantic import Field

from mapsto.training.schedules.base import Schedule


class OneCycle(Schedule):
    """Rises by half a cosine from `start` to the full rate over the first `rise` of the training, then falls to `end`.

    Smith and Topin, "Super-convergence", 2017, arXiv:1708.07120; with cosines, as fastai and torch draw it.

    Example:
        >>> round(OneCycle().factor(30, 100), 3), round(OneCycle().factor(0, 100), 3)
        (1.0, 0.04)
    """

    rise: float = Field(0.3, gt=0, lt=1, description="share of the training in which the rate rises")
    start: float = Field(0.04, ge=0, le=1, description="share of the learning rate at the first step")
    end: float = Field(1e-4, ge=0, le=1, description="share of the learning rate that is left at the end")

    def decay(self, progress: float) -> float:
        if progress < self.rise:
            low, position = self.start, 1 - progress / self.rise
        else:
            low, position = self.end, (progress - self.rise) / (1 - self.rise)
        return low + (1 - low) * (1 + math.cos(math.pi * position)) / 2
