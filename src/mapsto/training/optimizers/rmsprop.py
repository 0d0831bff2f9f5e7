"""RMSprop: each weight's step is divided by the recent size of its gradient."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import Field

from mapsto._imports import torch
from mapsto.training.optimizers.base import Optimizer

if TYPE_CHECKING:
    from torch import nn


class RMSprop(Optimizer):
    """`s ← alpha·s + (1 − alpha)·g²`, `w ← w − learning_rate·g / (√s + eps)`.

    Tieleman and Hinton, "Lecture 6.5: rmsprop", Coursera 2012.

    Example:
        >>> RMSprop().alpha
        0.99
    """

    learning_rate: float = Field(1e-3, gt=0, le=100, description="step size, before the schedule")
    alpha: float = Field(0.99, ge=0, lt=1, description="memory of the squared gradient")
    momentum: float = Field(0.0, ge=0, lt=1, description="share of the last step that is kept")
    eps: float = Field(1e-8, gt=0, le=1, description="keeps the division finite")
    weight_decay: float = Field(0.0, ge=0, le=10, description="pull of the weights toward zero, through the gradient")

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.RMSprop(
            parameters,
            lr=self.learning_rate,
            alpha=self.alpha,
            momentum=self.momentum,
            eps=self.eps,
            weight_decay=self.weight_decay,
            foreach=True,
        )
