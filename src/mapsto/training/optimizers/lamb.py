"""LAMB: AdamW whose step in each layer is in proportion to the layer's weights, for large batches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pydantic import Field

from mapsto.training.optimizers.base import Optimizer

if TYPE_CHECKING:
    import torch
    from torch import nn


class Lamb(Optimizer):
    """`w ← w − learning_rate·(‖w‖ / ‖r‖)·r` for each tensor, with `r = m̂ / (√v̂ + eps) + weight_decay·w`.

    The learning rate is thus the share of its length by which a matrix changes in a step. Vectors (biases and
    normalizations) are stepped by `r` itself, as in the authors' code. You et al., "Large batch optimization for deep
    learning", 2019, arXiv:1904.00962.

    Example:
        >>> Lamb().eps
        1e-06
    """

    learning_rate: float = Field(5e-3, gt=0, le=100, description="step size, before the schedule")
    beta1: float = Field(0.9, ge=0, lt=1, description="memory of the gradient")
    beta2: float = Field(0.999, ge=0, lt=1, description="memory of the squared gradient")
    eps: float = Field(1e-6, gt=0, le=1, description="keeps the division finite")
    weight_decay: float = Field(
        0.01, ge=0, le=10, description="pull of the weights toward zero, apart from the gradient"
    )

    def build(self, parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]]) -> torch.optim.Optimizer:
        from mapsto.training.optimizers._lamb import LambSteps  # here, since it needs torch

        return LambSteps(
            parameters,
            lr=self.learning_rate,
            beta1=self.beta1,
            beta2=self.beta2,
            eps=self.eps,
            weight_decay=self.weight_decay,
        )
