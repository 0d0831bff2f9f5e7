"""The absolute error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapsto._imports import torch
from mapsto.tasks.losses.base import Loss

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Spec


class MAE(Loss):
    """`|output − target|`, of the standardized target; what it learns is the median, which outliers do not move.

    Laplace 1774; Koenker and Bassett, "Regression quantiles", Econometrica 1978.

    Example:
        >>> MAE().name
        'mae'
    """

    def rows(self, outputs: Tensor, targets: Tensor, spec: Spec) -> Tensor:
        return torch.nn.functional.l1_loss(outputs, targets, reduction="none")
