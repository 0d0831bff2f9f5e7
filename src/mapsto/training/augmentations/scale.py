"""Larger and smaller images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto.training.augmentations._geometry import affine
from mapsto.training.augmentations.base import Geometric

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.training.augmentations._draws import Draws


class Scale(Geometric):
    """Enlarges or shrinks each image about its middle, by a factor from 1 / (1 + strength) to 1 + strength.

    Factors are drawn evenly on the logarithmic scale, so that shrinking is as likely as enlarging.
    """

    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=2, description="images grow or shrink by a factor of up to 1 + this; 0: off"
    )
    typical: ClassVar[float] = 0.1

    def matrix(self, size: tuple[int, int], strength: float, draws: Draws) -> Tensor:
        widest = math.log1p(strength)
        factor = draws.uniform(-widest, widest).exp()
        return affine(factor, 0.0, 0.0, factor)
