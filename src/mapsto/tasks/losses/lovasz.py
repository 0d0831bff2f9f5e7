"""How little predicted and true regions overlap, by a surrogate of the Jaccard index (IoU)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapsto._imports import torch
from mapsto.tasks.losses._overlap import OfMasks, masks_of, mean_of_present

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Spec


class Lovasz(OfMasks):
    """The Lovász extension of `1 − IoU` at the pixels' errors, in an image the mean over the classes that it has.

    With errors `e = |y − p|` in descending order it is `Σ e_i · (Δ_i − Δ_{i−1})`, where `Δ_i` is `1 − IoU` when the
    first i pixels are wrong. Where p is 0 or 1 everywhere it is `1 − IoU` itself, which `mean_iou` measures. Berman et
    al., "The Lovász-softmax loss", CVPR 2018.

    Example:
        >>> Lovasz().name
        'lovasz'
    """

    def rows(self, outputs: Tensor, targets: Tensor, spec: Spec) -> Tensor:
        p, y = masks_of(outputs, targets, spec)
        # Void pixels have error 0, so they come last and add nothing.
        errors, order = (y - p).abs().sort(dim=2, descending=True)
        return mean_of_present((errors * _slopes(y.gather(2, order))).sum(2), y)


def _slopes(flags: Tensor) -> Tensor:
    """`Δ_i − Δ_{i−1}` for true flags `(..., pixels)` in the order of the errors."""
    total = flags.sum(-1, keepdim=True)
    jaccard = 1 - (total - flags.cumsum(-1)) / (total + (1 - flags).cumsum(-1)).clamp(min=1)
    return torch.cat([jaccard[..., :1], jaccard.diff(dim=-1)], dim=-1)
