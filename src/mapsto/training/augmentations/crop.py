"""Images padded, and cropped to their size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto.training.augmentations._geometry import translation
from mapsto.training.augmentations.base import Geometric

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.training.augmentations._draws import Draws


class Crop(Geometric):
    """Pads each side by `strength` pixels, repeating the border, and cuts out a window of the old size at random.

    The window moves by whole pixels, so nothing is blurred. He et al., "Deep residual learning for image recognition",
    2015, arXiv:1512.03385, with a padding of 4 for images of 32×32.
    """

    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=512, description="pixels that images are padded by before they are cropped again; 0: off"
    )
    typical: ClassVar[float] = 4.0

    def matrix(self, size: tuple[int, int], strength: float, draws: Draws) -> Tensor:
        widest = math.ceil(strength)
        x, y = ((draws.pick(2 * widest + 1) - widest).float().to(draws.device) for _ in range(2))
        return translation(x, y)
