"""What losses over the overlap of whole masks share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mapsto._imports import torch
from mapsto.tasks.losses._classes import one_hot, scored
from mapsto.tasks.losses.base import Loss

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Spec


class Masks(NamedTuple):
    """A batch of masks, `(rows, classes, pixels)` each: probabilities and true flags, both 0 at void pixels."""

    probabilities: Tensor
    flags: Tensor


class OfMasks(Loss):
    """A loss of each image as a whole; one that is all void has none, and does not count."""

    def sizes(self, targets: Tensor, spec: Spec) -> Tensor | None:
        return scored(targets, spec).flatten(1).any(1).float()


def masks_of(outputs: Tensor, targets: Tensor, spec: Spec) -> Masks:
    """Outputs and targets without their void pixels."""
    counted = scored(targets, spec).flatten(1).unsqueeze(1)
    flags = one_hot(targets, outputs.shape[1]).flatten(2) & counted
    # Chosen, not multiplied, so that no gradient comes from where nothing is scored.
    probabilities = torch.softmax(outputs, dim=1).flatten(2).where(counted, outputs.new_zeros(()))
    return Masks(probabilities, flags.to(outputs.dtype))


def mean_of_present(losses: Tensor, flags: Tensor) -> Tensor:
    """Losses `(rows, classes)` as those of rows, over the classes that the true mask has."""
    present = flags.amax(2)
    return (losses * present).sum(1) / present.sum(1).clamp(min=1)
