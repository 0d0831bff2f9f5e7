"""Turned images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto.training.augmentations._geometry import rotation
from mapsto.training.augmentations.base import Geometric

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.training.augmentations._draws import Draws


class Rotate(Geometric):
    """Turns each image about its middle by an angle in [-strength, strength] degrees."""

    strength: ClassVar[Any] = Field(0.0, ge=0, le=180, description="degrees that images are turned, at most; 0: off")
    typical: ClassVar[float] = 10.0

    def matrix(self, size: tuple[int, int], strength: float, draws: Draws) -> Tensor:
        return rotation(draws.uniform(-strength, strength))
