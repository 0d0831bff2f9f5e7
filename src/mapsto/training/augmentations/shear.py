"""Slanted images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto.training.augmentations._geometry import shearing
from mapsto.training.augmentations.base import Geometric

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.training.augmentations._draws import Draws


class Shear(Geometric):
    """Slants each image along one of its axes, by up to `strength` pixels for every pixel of the other axis."""

    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=1, description="pixels that an image is slanted for each pixel of the other axis; 0: off"
    )
    typical: ClassVar[float] = 0.1

    def matrix(self, size: tuple[int, int], strength: float, draws: Draws) -> Tensor:
        slant, along = draws.uniform(-strength, strength), draws.uniform() < 0.5
        return shearing(slant * along, slant * ~along)
