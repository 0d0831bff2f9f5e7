"""Cross-entropy, and rows of one class nearer to each other than to the rest of the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from mapsto._imports import torch
from mapsto.tasks.losses._pairs import OfPairs, others

if TYPE_CHECKING:
    from torch import Tensor

FAR = -1e9
"""A similarity that weighs nothing in a softmax, and is finite."""


class Contrastive(OfPairs):
    """Supervised contrastive term: `−mean over positives p of log(exp(z·z_p / T) / Σ over others a of exp(z·z_a / T))`.

    `z` are the row's outputs as a vector of length 1, its embedding; positives are the other rows of its class in the
    batch, `T` the temperature. The paper trains an embedding alone and a classifier after it; here the outputs are
    both, cross-entropy with weight `1 − share` and the term with `share`. Batches should hold several rows of each
    class. Khosla et al., "Supervised contrastive learning", NeurIPS 2020, L_out.

    Example:
        >>> Contrastive().share
        0.5
    """

    temperature: float = Field(0.1, ge=0.01, le=10, description="of similarities; lower looks at the nearest rows only")

    def term(self, cosines: Tensor, same: Tensor) -> Tensor:
        itself = torch.eye(len(same), dtype=torch.bool, device=same.device)
        similar = (cosines / self.temperature).masked_fill(itself, FAR)
        logs = torch.log_softmax(similar, dim=1)
        positives = others(same)
        return -torch.where(positives, logs, 0.0).sum(1) / positives.sum(1).clamp(min=1)
