"""Adadelta: steps in the unit of the weights, from the ratio of past steps to past gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pydantic import Field

from mapsto._imports import torch
from mapsto.training.optimizers.base import Optimizer

if TYPE_CHECKING:
    from torch import nn


class Adadelta(Optimizer):
    """`w ← w − learning_rate·d` with `d = g·√(u + eps) / √(s + eps)`.

    `s ← rho·s + (1 − rho)·g²` remembers the gradients, and `u ← rho·u + (1 − rho)·d²` the steps. The
    method finds the size of its steps itself; the larger `eps`, the larger the first ones.
    Zeiler, "ADADELTA", 2012, arXiv:1212.5701.

    Example:
        >>> Adadelta().rho
        0.9
    """

    learning_rate: float = Field(1.0, gt=0, le=1000, description="step size, before the schedule")
    rho: float = Field(0.9, ge=0, lt=1, description="memory of the squared gradient and of the squared step")
    eps: float = Field(1e-6, gt=0, le=1, description="keeps the division finite, and gives the first steps their size")
    weight_decay: float = Field(0.0, ge=0, le=10, description="pull of the weights toward zero, through the gradient")

    def build(self, parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]]) -> torch.optim.Optimizer:
        return torch.optim.Adadelta(
            parameters,
            lr=self.learning_rate,
            rho=self.rho,
            eps=self.eps,
            weight_decay=self.weight_decay,
            foreach=True,
        )
