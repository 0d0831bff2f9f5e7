"""RAdam: Adam that trusts its scaling only once it has seen enough gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pydantic import Field

from mapsto._imports import torch
from mapsto.training.optimizers.base import Optimizer

if TYPE_CHECKING:
    from torch import nn


class RAdam(Optimizer):
    """Adam whose step is multiplied by a rectification of the variance of `1/√v`, so that it needs no warm-up.

    The first five steps, where that variance is not defined, are those of momentum alone. Weight decay is decoupled, as
    in AdamW. Liu et al., "On the variance of the adaptive learning rate and beyond", 2019, arXiv:1908.03265.

    Example:
        >>> RAdam().beta2
        0.999
    """

    learning_rate: float = Field(1e-3, gt=0, le=100, description="step size, before the schedule")
    beta1: float = Field(0.9, ge=0, lt=1, description="memory of the gradient")
    beta2: float = Field(0.999, ge=0, lt=1, description="memory of the squared gradient")
    eps: float = Field(1e-8, gt=0, le=1, description="keeps the division finite")
    weight_decay: float = Field(
        0.0, ge=0, le=10, description="pull of the weights toward zero, apart from the gradient"
    )

    def build(self, parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]]) -> torch.optim.Optimizer:
        return torch.optim.RAdam(
            parameters,
            lr=self.learning_rate,
            betas=(self.beta1, self.beta2),
            eps=self.eps,
            weight_decay=self.weight_decay,
            decoupled_weight_decay=True,
            foreach=True,
        )
