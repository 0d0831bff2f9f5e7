"""Noise on images and spectrograms."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto.training.augmentations.base import Augmentation

if TYPE_CHECKING:
    from mapsto.training.augmentations._draws import Draws
    from mapsto.training.augmentations.base import Rows


class Noise(Augmentation):
    """Adds a normal number to every pixel, or to every place of a spectrogram.

    Its standard deviation, drawn for each row from [0, strength], is a share of the range of 255 of pixels, and of the
    row's own standard deviation in a spectrogram.
    """

    kinds: ClassVar[tuple[str, ...]] = ("image", "spectrogram")
    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=1, description="deviation of added noise: share of the pixels' range, or of a sound's; 0: off"
    )
    typical: ClassVar[float] = 0.05

    def apply(self, rows: Rows, strength: float, draws: Draws) -> Rows:
        is_image = self.inputs.spec.encoder == "image"
        unit = 255.0 if is_image else rows.inputs.std(dim=(1, 2, 3), keepdim=True)
        noise = draws.noise(*rows.inputs.shape[1:]) * draws.uniform(0, strength).view(-1, 1, 1, 1) * unit
        noisy = rows.inputs + noise
        return replace(rows, inputs=noisy.clamp(0, 255) if is_image else noisy)
