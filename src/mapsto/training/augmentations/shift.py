"""Shifted images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto.training.augmentations._geometry import translation
from mapsto.training.augmentations.base import Geometric

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.training.augmentations._draws import Draws


class Shift(Geometric):
    """Moves each image sideways and up or down, each by a share in [-strength, strength] of that side."""

    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=1, description="share of the side that images are moved, at most; 0: off"
    )
    typical: ClassVar[float] = 0.08

    def matrix(self, size: tuple[int, int], strength: float, draws: Draws) -> Tensor:
        height, width = size
        return translation(
            draws.uniform(-strength * width, strength * width), draws.uniform(-strength * height, strength * height)
        )
