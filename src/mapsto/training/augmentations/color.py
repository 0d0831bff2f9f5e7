"""Brightness, contrast, saturation and hue."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto.training.augmentations import _colors as colors
from mapsto.training.augmentations.base import Augmentation

if TYPE_CHECKING:
    from mapsto.training.augmentations._draws import Draws
    from mapsto.training.augmentations.base import Rows

HUE = 0.125
"""Share of the color circle that a strength of 1 turns by, at most: from red to orange, not to green."""


class Color(Augmentation):
    """Brightness, contrast and saturation by factors in [1 - strength, 1 + strength], and the hue by a little.

    Each image draws the four apart. Of gray images only brightness and contrast change.
    """

    kinds: ClassVar[tuple[str, ...]] = ("image",)
    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=1, description="brightness, contrast and saturation change by up to this share; 0: off"
    )
    typical: ClassVar[float] = 0.2
    for_answers: ClassVar[bool] = True

    def apply(self, rows: Rows, strength: float, draws: Draws) -> Rows:
        low, high = 1 - strength, 1 + strength
        images = colors.brightness(rows.inputs, draws.uniform(low, high))
        images = colors.contrast(images, draws.uniform(low, high))
        images = colors.saturation(images, draws.uniform(low, high))
        images = colors.hue(images, draws.uniform(-HUE * strength, HUE * strength))
        return replace(rows, inputs=images.clamp(0, 255))
