"""A long time at the full rate, and a short fall."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from mapsto.training.schedules.base import Schedule


class WarmupStableDecay(Schedule):
    """1 until the last `decay_share` of the steps, then down to `end`: in a line, or as `1 − √` of what is done of it.

    Hu et al., "MiniCPM", 2024, arXiv:2404.06395; the root: Hägele et al., "Scaling laws and compute-optimal training
    beyond fixed training durations", 2024, arXiv:2405.18392.

    Example:
        >>> [round(WarmupStableDecay().factor(step, 100), 3) for step in (79, 85, 100)]
        [1.0, 0.5, 0.0]
    """

    decay_share: float = Field(0.2, gt=0, le=1, description="share of the training in which the rate falls, at its end")
    shape: Literal["sqrt", "linear"] = Field("sqrt", description="fast at first, by a root; or in a line")
    end: float = Field(0.0, ge=0, le=1, description="share of the learning rate that is left at the end")

    def decay(self, progress: float) -> float:
        done = 1.0 if progress >= 1 else max(0.0, (progress - (1 - self.decay_share)) / self.decay_share)
        return self.end + (1 - self.end) * (1 - (math.sqrt(done) if self.shape == "sqrt" else done))
