"""Adagrad: each weight's step is divided by the size of all its gradients so far."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pydantic import Field

from mapsto._imports import torch
from mapsto.training.optimizers.base import Optimizer

if TYPE_CHECKING:
    from torch import nn


class Adagrad(Optimizer):
    """`s ← s + g²`, `w ← w − learning_rate·g / (√s + eps)`.

    Steps shrink by themselves, slowest where gradients are rare. Duchi, Hazan and Singer, "Adaptive
    subgradient methods", JMLR 2011.

    Example:
        >>> Adagrad().learning_rate
        0.01
    """

    learning_rate: float = Field(0.01, gt=0, le=100, description="step size, before the schedule")
    eps: float = Field(1e-10, gt=0, le=1, description="keeps the division finite")
    weight_decay: float = Field(0.0, ge=0, le=10, description="pull of the weights toward zero, through the gradient")

    def build(self, parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]]) -> torch.optim.Optimizer:
        members: list[Any] = list(parameters)
        first = members[0]["params"][0] if isinstance(members[0], dict) else members[0]
        return torch.optim.Adagrad(
            members,
            lr=self.learning_rate,
            eps=self.eps,
            weight_decay=self.weight_decay,
            **({"fused": True} if first.device.type == "cpu" else {"foreach": True}),  # torch has no fused one for GPUs
        )
