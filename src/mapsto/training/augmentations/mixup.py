"""Rows blended with other rows, targets too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto._imports import torch
from mapsto.training.augmentations.base import Augmentation

if TYPE_CHECKING:
    from mapsto.training.augmentations._draws import Draws
    from mapsto.training.augmentations.base import Rows


class Mixup(Augmentation):
    """Blends each row with another one: `x = share · a + (1 - share) · b`, and the loss by the same share.

    `share` is drawn once a step from Beta(strength, strength) and is the larger part of it, so that a row stays mostly
    itself (over random partners that changes nothing else); the partner is drawn for each row. Small strengths leave
    most rows nearly as they are, 1 draws every share alike. The number of a category's level (`spec.levels` above 2)
    has no middle between two, so it is taken from one of the rows, by a chance of its share. Zhang, Cisse, Dauphin and
    Lopez-Paz, "mixup: beyond empirical risk minimization", 2017, arXiv:1710.09412. Where `cutmix` is on too, each step
    takes one of the two.
    """

    kinds: ClassVar[tuple[str, ...]] = ("image", "features", "spectrogram")
    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=4, description="rows are blended by a share from Beta(this, this); 0: off"
    )
    typical: ClassVar[float] = 0.2
    stage: ClassVar[int] = 4

    def apply(self, rows: Rows, strength: float, draws: Draws) -> Rows:
        drawn, partners = draws.beta(strength), draws.partners()
        share = max(drawn, 1 - drawn)
        others = rows.inputs[partners]
        blended = torch.lerp(others, rows.inputs, share)
        if any(count > 2 for count in self.inputs.spec.levels):
            is_level = rows.inputs.new_tensor(self.inputs.spec.levels) > 2
            either = torch.where(draws.field(*rows.inputs.shape[1:]) < share, rows.inputs, others)
            blended = torch.where(is_level, either, blended)
        return replace(rows, inputs=blended, partners=partners, share=share)
