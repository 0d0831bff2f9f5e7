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
        made = torch.optim.SGD(
            parameters,
            lr=self.learning_rate,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay,
            fused=True,
        )
        if self.momentum:
            made.register_step_pre_hook(_start_momentum)
        return made


def _start_momentum(optimizer: torch.optim.Optimizer, *call: object) -> None:
    """Gives tensors that are stepped for the first time a momentum of zero.

    Torch's fused step asks it of all or none, which does not hold where some were frozen.
    """
    del call
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None and optimizer.state[parameter].get("momentum_buffer") is None:
                optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
