"""Cross-entropy, and the farthest row of one's class nearer than the nearest of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from mapsto._imports import torch
from mapsto.tasks.losses._pairs import OfPairs, others

if TYPE_CHECKING:
    from torch import Tensor

SMALLEST = 1e-6
"""Of squared distances, since a root has an infinite slope at 0."""


class Triplet(OfPairs):
    """Batch-hard triplet term: `max(0, margin + farthest of one's own class − nearest of another class)`.

    Distances are Euclidean, between the outputs of rows as vectors of length 1, their embeddings: from 0 to 2, so that
    the margin means the same whatever the size of the outputs, which cross-entropy makes grow. Only the hardest pair
    of each row counts. The term has weight `share`, cross-entropy `1 − share`. Hermans et al., "In defense of the
    triplet loss for person re-identification", 2017 (arXiv:1703.07737).

    Example:
        >>> Triplet().margin
        0.5
    """

    margin: float = Field(0.5, gt=0, le=2, description="how much nearer one's own class has to be, of distances to 2")

    def term(self, cosines: Tensor, same: Tensor) -> Tensor:
        distances = ((2 - 2 * cosines).clamp(min=0) + SMALLEST).sqrt()
        own, positives = others(same), distances.new_zeros(())
        farthest = torch.where(own, distances, positives).amax(1)
        nearest = torch.where(same, torch.full_like(positives, torch.inf), distances).amin(1)
        is_whole = own.any(1) & ~same.all(1)
        # What is missing is taken out before the subtraction: an infinity makes gradients of 0 times infinity.
        nearest = torch.where(is_whole, nearest, farthest)
        return torch.where(is_whole, (self.margin + farthest - nearest).clamp(min=0), 0.0)
