"""Images mirrored, top and bottom exchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto._imports import torch
from mapsto.training.augmentations._geometry import affine
from mapsto.training.augmentations.base import Geometric

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.training.augmentations._draws import Draws


class FlipVertical(Geometric):
    """Exchanges top and bottom of a share of the images. Not for digits, letters or anything else that has a side."""

    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=1, description="share of the images with top and bottom exchanged; 0: off"
    )
    typical: ClassVar[float] = 0.5

    def matrix(self, size: tuple[int, int], strength: float, draws: Draws) -> Tensor:
        flip = 1.0 - 2.0 * (draws.uniform() < strength)
        return affine(torch.ones_like(flip), 0.0, 0.0, flip)
