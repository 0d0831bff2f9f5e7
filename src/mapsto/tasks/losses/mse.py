"""The squared error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapsto._imports import torch
from mapsto.tasks.losses.base import Loss

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Spec


class MSE(Loss):
    """`(output − target)²`, of the standardized target; what it learns is the mean (Gauss 1809).

    Example:
        >>> MSE().name
        'mse'
    """

    def rows(self, outputs: Tensor, targets: Tensor, spec: Spec) -> Tensor:
        return torch.nn.functional.mse_loss(outputs, targets, reduction="none")

    def mean(self, outputs: Tensor, targets: Tensor, weights: Tensor | None, spec: Spec) -> Tensor:
        if weights is not None:
            return super().mean(outputs, targets, weights, spec)
        return torch.nn.functional.mse_loss(outputs, targets)
