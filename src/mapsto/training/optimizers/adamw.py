"""AdamW: Adam with weight decay apart from the gradient."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import Field

from mapsto._imports import torch
from mapsto.training.optimizers.base import Optimizer

if TYPE_CHECKING:
    from torch import nn


class AdamW(Optimizer):
    """AdamW: Adam with weight decay apart from the gradient.

    Adam, and each step also multiplies the weights by `1 − learning_rate·weight_decay`.
    Loshchilov and Hutter, "Decoupled weight decay regularization", 2017, arXiv:1711.05101.

    Example:
        >>> AdamW(learning_rate=3e-4).beta1
        0.9
    """

    learning_rate: float = Field(1e-3, gt=0, le=100, description="step size, before the schedule")
    beta1: float = Field(0.9, ge=0, lt=1, description="memory of the gradient")
    beta2: float = Field(0.999, ge=0, lt=1, description="memory of the squared gradient")
    eps: float = Field(1e-8, gt=0, le=1, description="keeps the division finite")
    weight_decay: float = Field(
        0.01, ge=0, le=10, description="pull of the weights toward zero, apart from the gradient"
    )

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.AdamW(
            parameters,
            lr=self.learning_rate,
            betas=(self.beta1, self.beta2),
            eps=self.eps,
            weight_decay=self.weight_decay,
            fused=True,
        )
