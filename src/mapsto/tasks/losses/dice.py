"""How little predicted and true regions overlap, by Dice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapsto.tasks.losses._overlap import OfMasks, masks_of, mean_of_present

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Spec


class Dice(OfMasks):
    """`1 − 2·Σ p·y / (Σ p + Σ y)` over the scored pixels of an image, the mean over the classes that it has.

    `p` is the probability of the class, `y` whether the pixel is of it. A region counts alike whatever its size, so
    small ones are not lost in the background. Milletari et al., "V-Net", 2016; sums of p as in Drozdzal et al., "The
    importance of skip connections", 2016.

    Example:
        >>> Dice().name
        'dice'
    """

    def rows(self, outputs: Tensor, targets: Tensor, spec: Spec) -> Tensor:
        p, y = masks_of(outputs, targets, spec)
        total = (p + y).sum(2)
        losses = 1 - 2 * (p * y).sum(2) / total.clamp(min=1)  # a class that is there has at least one pixel
        return mean_of_present(losses, y)
