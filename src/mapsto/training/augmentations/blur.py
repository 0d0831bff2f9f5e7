"""Blurred images."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto.training.augmentations._colors import gaussian_blur
from mapsto.training.augmentations.base import Augmentation

if TYPE_CHECKING:
    from mapsto.training.augmentations._draws import Draws
    from mapsto.training.augmentations.base import Rows


class Blur(Augmentation):
    """Smooths each image by a Gaussian whose standard deviation lies in [0, strength] pixels."""

    kinds: ClassVar[tuple[str, ...]] = ("image",)
    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=10, description="widest standard deviation of a Gaussian blur in pixels; 0: off"
    )
    typical: ClassVar[float] = 1.0
    for_answers: ClassVar[bool] = True

    def apply(self, rows: Rows, strength: float, draws: Draws) -> Rows:
        return replace(rows, inputs=gaussian_blur(rows.inputs, draws.uniform(0, strength), strength))
