"""Lion: steps of one size for all weights, in the direction of the sign of the momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pydantic import Field

from mapsto.training.optimizers.base import Optimizer

if TYPE_CHECKING:
    import torch
    from torch import nn


class Lion(Optimizer):
    """`w ← w·(1 − learning_rate·weight_decay) − learning_rate·sign(beta1·m + (1 − beta1)·g)`.

    Then `m ← beta2·m + (1 − beta2)·g`: half of Adam's memory. Its rate is
    three to ten times smaller than AdamW's, and its weight decay as much larger.
    Chen et al., "Symbolic discovery of optimization algorithms", 2023, arXiv:2302.06675.

    Example:
        >>> Lion().beta2
        0.99
    """

    learning_rate: float = Field(2e-4, gt=0, le=100, description="step size, before the schedule")
    beta1: float = Field(0.9, ge=0, lt=1, description="share of the memory in the direction of a step")
    beta2: float = Field(0.99, ge=0, lt=1, description="memory of the gradient")
    weight_decay: float = Field(
        0.05, ge=0, le=100, description="pull of the weights toward zero, apart from the gradient"
    )

    def build(self, parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]]) -> torch.optim.Optimizer:
        from mapsto.training.optimizers._lion import LionSteps  # here, since it needs torch

        return LionSteps(
            parameters, lr=self.learning_rate, beta1=self.beta1, beta2=self.beta2, weight_decay=self.weight_decay
        )
