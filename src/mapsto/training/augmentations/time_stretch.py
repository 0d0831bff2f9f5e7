"""Recordings played faster or slower."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto.training.augmentations._geometry import affine, warp
from mapsto.training.augmentations.base import Augmentation

if TYPE_CHECKING:
    from mapsto.training.augmentations._draws import Draws
    from mapsto.training.augmentations.base import Rows


class TimeStretch(Augmentation):
    """Stretches the time of each spectrogram by a factor from 1 / (1 + strength) to 1 + strength; the pitch stays.

    The beginning stays where it is. What is stretched beyond the end is cut off; what a shorter recording leaves open
    is filled with its last frame.
    """

    kinds: ClassVar[tuple[str, ...]] = ("spectrogram",)
    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=1, description="recordings get longer or shorter by a factor of up to 1 + this; 0: off"
    )
    typical: ClassVar[float] = 0.1
    for_answers: ClassVar[bool] = True

    def apply(self, rows: Rows, strength: float, draws: Draws) -> Rows:
        widest, frames = math.log1p(strength), rows.inputs.shape[-1]
        factor = draws.uniform(-widest, widest).exp()
        # From the middle, the beginning lies half the frames to the left, where it shall stay.
        matrix = affine(factor, 0.0, 0.0, factor.new_ones(len(factor)), (factor - 1) * frames / 2)
        return replace(rows, inputs=warp(rows.inputs, matrix))
