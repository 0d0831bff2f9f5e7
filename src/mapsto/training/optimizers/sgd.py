"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from mapsto._imports import torch
from mapsto.training.optimizers.base import Optimizer

if TYPE_CHECKING:
    from torch import nn


class SGD(Optimizer):
    """`v ← momentum·v + g`, `w ← w − learning_rate·v`; Nesterov looks one step ahead.

    `weight_decay` adds `weight_decay·w` to the gradient. Robbins and Monro 1951; Sutskever et al., "On the
    importance of initialization and momentum in deep learning", ICML 2013.

    Example:
        >>> SGD(momentum=0.9, nesterov=True).learning_rate
        0.05
    """

    learning_rate: float = Field(0.05, gt=0, le=100, description="step size, before the schedule")
    momentum: float = Field(0.9, ge=0, lt=1, description="share of the last step that is kept")
    nesterov: bool = Field(False, description="look one step ahead; needs momentum")
    weight_decay: float = Field(0.0, ge=0, le=10, description="pull of the weights toward zero, through the gradient")

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.nesterov and self.momentum == 0:
            raise ValueError("`nesterov: true` needs a `momentum` above 0.")
        return self

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.SGD(
            parameters,
            lr=self.learning_rate,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay,
            fused=True,
        )
