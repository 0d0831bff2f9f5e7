"""The pinball loss, whose answer is a quantile."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from mapsto._imports import torch
from mapsto.tasks.losses.base import Loss

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Spec


class Quantile(Loss):
    """`quantile·e` where the target is above the output by e, `(1 − quantile)·e` where it is below by e.

    What it learns is the quantile of the target given the inputs: at 0.9, nine targets of ten lie below the answer.
    0.5 is half the absolute error. The best weights of a run are those with the least loss on the validation part,
    since the mean's own metrics would pull every quantile to the middle. Koenker and Bassett, "Regression quantiles",
    Econometrica 1978.

    Example:
        >>> Quantile(quantile=0.9).quantile
        0.9
    """

    picks_epochs: ClassVar[bool] = True

    quantile: float = Field(0.5, gt=0, lt=1, description="share of the targets that lie below the answer")

    def rows(self, outputs: Tensor, targets: Tensor, spec: Spec) -> Tensor:
        error = targets - outputs
        return torch.maximum(self.quantile * error, (self.quantile - 1) * error)
