"""Schedule-free AdamW: a mean of the weights takes the place of a falling learning rate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pydantic import Field

from mapsto.training.optimizers.base import Optimizer

if TYPE_CHECKING:
    import torch
    from torch import nn


class ScheduleFreeAdamW(Optimizer):
    """Gradients are taken at `y = (1 − beta1)·z + beta1·x`; AdamW without momentum steps `z`; `x` is their mean.

    `z ← z − rate·(g / (√v̂ + eps) + weight_decay·y)` and `x ← (1 − c)·x + c·z`, with `c` the share of `rate²` in the sum
    of all so far. It answers with `x`, so it needs to know no end of the training, and `schedule.name: constant` suits
    it. The warm-up is part of the method. Batch normalization sees `y` in training and `x` when it answers, so that
    its running statistics are a little off. Defazio et al., "The road less scheduled", 2024, arXiv:2405.15682.

    Example:
        >>> ScheduleFreeAdamW().warmup_steps
        100
    """

    learning_rate: float = Field(2.5e-3, gt=0, le=100, description="step size, before the schedule")
    beta1: float = Field(0.9, gt=0, lt=1, description="share of the mean in the weights that gradients are taken at")
    beta2: float = Field(0.999, ge=0, lt=1, description="memory of the squared gradient")
    eps: float = Field(1e-8, gt=0, le=1, description="keeps the division finite")
    weight_decay: float = Field(
        0.01, ge=0, le=10, description="pull of the weights toward zero, apart from the gradient"
    )
    warmup_steps: int = Field(
        100, ge=0, le=10_000_000, description="steps over which the rate rises from zero, inside the optimizer"
    )

    def build(self, parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]]) -> torch.optim.Optimizer:
        from mapsto.training.optimizers._schedule_free import ScheduleFreeSteps  # here, since it needs torch

        return ScheduleFreeSteps(
            parameters,
            lr=self.learning_rate,
            beta1=self.beta1,
            beta2=self.beta2,
            eps=self.eps,
            weight_decay=self.weight_decay,
            warmup=self.warmup_steps,
        )
