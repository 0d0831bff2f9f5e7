"""What losses share that compare the rows of a batch with each other, beside cross-entropy."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from pydantic import Field

from mapsto._imports import torch
from mapsto.tasks.losses._classes import ignored
from mapsto.tasks.losses.base import Loss

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Spec


class OfPairs(Loss):
    """`(1 − share)·cross-entropy + share·term`, the term over pairs of rows in the batch.

    The embedding of a row is its outputs, the numbers before the softmax, as a vector of length 1. They have one place
    a class, and the term pulls the directions of rows of one class together and those of others apart, while
    cross-entropy says which direction is whose. A row that has no partner in its batch has no term, so batches should
    hold several rows of each class (`training.balance: balanced_batches`); memory grows with the square of the batch.
    Where gradients are accumulated, pairs are those within a piece of the batch.
    """

    share: float = Field(0.5, ge=0, le=1, description="of the term over pairs; the rest is cross-entropy")

    def rows(self, outputs: Tensor, targets: Tensor, spec: Spec) -> Tensor:
        own = torch.nn.functional.cross_entropy(outputs, targets, ignore_index=ignored(spec), reduction="none")
        directions = torch.nn.functional.normalize(outputs, dim=1, eps=1e-6)
        same = targets.unsqueeze(0) == targets.unsqueeze(1)
        return (1 - self.share) * own + self.share * self.term(directions @ directions.T, same)

    @abstractmethod
    def term(self, cosines: Tensor, same: Tensor) -> Tensor:
        """The term of each row, `(rows,)`, 0 for one without partners.

        Args:
            cosines: of the angles between embeddings, `(rows, rows)`.
            same: whether two rows are of one class, `(rows, rows)`, each with itself too.
        """


def others(same: Tensor) -> Tensor:
    """The pairs of one class without those of a row with itself."""
    return same & ~torch.eye(len(same), dtype=torch.bool, device=same.device)
