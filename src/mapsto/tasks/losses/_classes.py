"""What losses over classes share: the same formula for one class a row and for one class a pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapsto._imports import torch
from mapsto.tasks.losses.base import Loss

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Spec

NOWHERE = -100
"""torch's own number for a target that is ignored; no class has it."""


class OfClasses(Loss):
    """A loss of each class decision; that of a mask is the mean over its scored pixels.

    In a mean over several masks each pixel counts alike, so a mask counts by its scored pixels.
    """

    def sizes(self, targets: Tensor, spec: Spec) -> Tensor | None:
        return scored(targets, spec).flatten(1).sum(1).float() if targets.ndim > 1 else None


def scored(targets: Tensor, spec: Spec) -> Tensor:
    """Which targets are trained on."""
    return torch.ones_like(targets, dtype=torch.bool) if spec.ignore is None else targets != spec.ignore


def ignored(spec: Spec) -> int:
    """The class that is not trained on, as torch's functions take it."""
    return NOWHERE if spec.ignore is None else spec.ignore


def per_row(losses: Tensor, targets: Tensor, spec: Spec) -> Tensor:
    """Losses of decisions as losses of rows: of pixels, 0 at void ones, the mean over the others."""
    if losses.ndim == 1:
        return losses
    return losses.flatten(1).sum(1) / scored(targets, spec).flatten(1).sum(1).clamp(min=1)


def one_hot(targets: Tensor, num_classes: int) -> Tensor:
    """Class ids `(rows, ...)` as flags `(rows, classes, ...)`; an id without a class has none."""
    classes = torch.arange(num_classes, device=targets.device).view(-1, *(1,) * (targets.ndim - 1))
    return targets.unsqueeze(1) == classes
