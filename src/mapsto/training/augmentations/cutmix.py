"""A rectangle of each image replaced by that of another one, targets too."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto._imports import torch
from mapsto.training.augmentations.base import Augmentation

if TYPE_CHECKING:
    from mapsto.training.augmentations._draws import Draws
    from mapsto.training.augmentations.base import Rows


class Cutmix(Augmentation):
    """Pastes a rectangle of another image over each one; the loss counts both targets by their share of the pixels.

    The share is drawn once a step from Beta(strength, strength), partner and place for each row. The rectangle lies
    within the image, so that all rows have the same share. Where targets are masks, their pixels are pasted too and
    nothing is shared. Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable
    features", 2019, arXiv:1905.04899. Where `mixup` is on too, each step takes one of the two.
    """

    kinds: ClassVar[tuple[str, ...]] = ("image",)
    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=4, description="rectangles are exchanged whose share is from Beta(this, this); 0: off"
    )
    typical: ClassVar[float] = 1.0
    stage: ClassVar[int] = 4

    def apply(self, rows: Rows, strength: float, draws: Draws) -> Rows:
        height, width = rows.inputs.shape[-2:]
        side = math.sqrt(1 - draws.beta(strength))
        tall, wide = round(side * height), round(side * width)
        top = (draws.uniform() * (height - tall + 1)).long().clamp(max=height - tall)
        left = (draws.uniform() * (width - wide + 1)).long().clamp(max=width - wide)
        y, x = torch.arange(height, device=draws.device), torch.arange(width, device=draws.device)
        inside_y = (y >= top[:, None]) & (y < (top + tall)[:, None])
        inside_x = (x >= left[:, None]) & (x < (left + wide)[:, None])
        pasted = inside_y[:, :, None] & inside_x[:, None, :]
        partners = draws.partners()
        mixed = torch.where(pasted.unsqueeze(1), rows.inputs[partners], rows.inputs)
        if rows.masks is not None:
            return replace(rows, inputs=mixed, masks=torch.where(pasted, rows.masks[partners], rows.masks))
        return replace(rows, inputs=mixed, partners=partners, share=1 - tall * wide / (height * width))
