"""The squared error of small errors, the absolute one of large ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from mapsto._imports import torch
from mapsto.tasks.losses.base import Loss

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Spec


class Huber(Loss):
    """`e²/2` for errors up to delta, `delta·(e − delta/2)` beyond, which bounds the pull of an outlier.

    Errors are in standard deviations of the target. Huber, "Robust estimation of a location parameter", 1964.

    Example:
        >>> Huber(delta=0.5).delta
        0.5
    """

    delta: float = Field(1.0, gt=0, description="errors beyond it count linearly, in deviations of the target")

    def rows(self, outputs: Tensor, targets: Tensor, spec: Spec) -> Tensor:
        return torch.nn.functional.huber_loss(outputs, targets.to(outputs.dtype), delta=self.delta, reduction="none")
