"""NAdam: Adam that looks one step ahead, as Nesterov's momentum does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pydantic import Field

from mapsto._imports import torch
from mapsto.training.optimizers.base import Optimizer

if TYPE_CHECKING:
    from torch import nn


class NAdam(Optimizer):
    """Adam whose step is taken with the mean of the gradient as it will be after it.

    `w ← w − learning_rate·(μₜ₊₁·m̂ + (1 − μₜ)·ĝ) / (√v̂ + eps)`, with `μₜ = beta1·(1 − 0.96^(t·momentum_decay) / 2)`;
    `m̂` is corrected by the product of all `μ` up to `t + 1`, `ĝ` by that up to `t`. Weight decay is decoupled, as in
    AdamW. Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop 2016.

    Example:
        >>> NAdam().momentum_decay
        0.004
    """

    learning_rate: float = Field(2e-3, gt=0, le=100, description="step size, before the schedule")
    beta1: float = Field(0.9, ge=0, lt=1, description="memory of the gradient")
    beta2: float = Field(0.999, ge=0, lt=1, description="memory of the squared gradient")
    eps: float = Field(1e-8, gt=0, le=1, description="keeps the division finite")
    momentum_decay: float = Field(0.004, ge=0, le=1, description="how fast the memory of the gradient reaches beta1")
    weight_decay: float = Field(
        0.0, ge=0, le=10, description="pull of the weights toward zero, apart from the gradient"
    )

    def build(self, parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]]) -> torch.optim.Optimizer:
        return torch.optim.NAdam(
            parameters,
            lr=self.learning_rate,
            betas=(self.beta1, self.beta2),
            eps=self.eps,
            momentum_decay=self.momentum_decay,
            weight_decay=self.weight_decay,
            decoupled_weight_decay=True,
            foreach=True,
        )
