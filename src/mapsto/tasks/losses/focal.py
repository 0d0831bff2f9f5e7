"""Cross-entropy in which what is already known counts little."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from mapsto._imports import torch
from mapsto.tasks.losses._classes import OfClasses, ignored, per_row

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Spec

SMALLEST = 1e-7
"""Of `1 − p`; below it the power has no use, and for gamma under 1 an infinite slope."""


class Focal(OfClasses):
    """`−(1 − p)^gamma · log p`, p the probability of the true class.

    The many easy rows of a common class add little, so the few hard ones of a rare class decide. Gamma 0 is
    cross-entropy. Of several labels a row the losses are added, p being what the label's sigmoid gives to its truth.
    Probabilities become less sure than the data would have them. Lin et al., "Focal loss for dense object detection",
    ICCV 2017; its alpha is `training.balance: class_weights`.

    Example:
        >>> Focal().gamma
        2.0
    """

    gamma: float = Field(2.0, ge=0, le=10, description="how little a row counts that is known; 0 is cross-entropy")

    def rows(self, outputs: Tensor, targets: Tensor, spec: Spec) -> Tensor:
        if spec.encoder == "labels":
            true = targets.to(outputs.dtype)
            losses = torch.nn.functional.binary_cross_entropy_with_logits(outputs, true, reduction="none")
            return self._focused(losses).sum(1)
        losses = torch.nn.functional.cross_entropy(
            outputs, targets.long(), ignore_index=ignored(spec), reduction="none"
        )
        return per_row(self._focused(losses), targets, spec)

    def _focused(self, losses: Tensor) -> Tensor:
        unknown = (-torch.expm1(-losses)).clamp(min=SMALLEST)  # 1 - p, exact where p is near 1
        return unknown**self.gamma * losses
