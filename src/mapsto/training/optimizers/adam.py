"""Adam: steps scaled by running means of the gradient and of its square."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import Field

from mapsto._imports import torch
from mapsto.training.optimizers.base import Optimizer

if TYPE_CHECKING:
    from torch import nn


class Adam(Optimizer):
    """Adam: steps scaled by running means of the gradient and of its square.

    `m` and `v` are running means of the gradient and of its square, corrected for their start at zero;
    `w ← w − learning_rate·m / (√v + eps)`. `weight_decay` goes through the gradient; see AdamW for the decoupled form.
    Kingma and Ba, 2014, arXiv:1412.6980.

    Example:
        >>> Adam(learning_rate=3e-4).beta1
        0.9
    """

    learning_rate: float = Field(1e-3, gt=0, le=100, description="step size, before the schedule")
    beta1: float = Field(0.9, ge=0, lt=1, description="memory of the gradient")
    beta2: float = Field(0.999, ge=0, lt=1, description="memory of the squared gradient")
    eps: float = Field(1e-8, gt=0, le=1, description="keeps the division finite")
    weight_decay: float = Field(0.0, ge=0, le=10, description="pull of the weights toward zero, through the gradient")

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(
            parameters,
            lr=self.learning_rate,
            betas=(self.beta1, self.beta2),
            eps=self.eps,
            weight_decay=self.weight_decay,
            fused=True,
        )
