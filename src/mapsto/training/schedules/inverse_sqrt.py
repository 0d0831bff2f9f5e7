"""The rate falls with the square root of the steps."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import Field

from mapsto.training.schedules.base import Schedule


class InverseSqrt(Schedule):
    """`√((warmup_steps + 1) / (step + 1))` after the warm-up, whatever the length of the training.

    Vaswani et al., "Attention is all you need", 2017, arXiv:1706.03762; there 4,000 steps of warm-up.

    Example:
        >>> InverseSqrt(warmup_steps=24).factor(99, 1000)
        0.5
    """

    warmup_steps: int = Field(
        100, ge=0, le=10_000_000, description="steps over which the rate first rises from zero; the longer, the slower "
        "it falls"
    )  # fmt: skip

    def after_warmup(self, step: int, steps: int, losses: Sequence[float]) -> float:
        del steps, losses
        peak = self.warmup_steps + 1
        return math.sqrt(peak / (peak + step))
