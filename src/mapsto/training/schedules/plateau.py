"""The rate falls when the validation loss does not."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from mapsto.training.schedules.base import Schedule


class Plateau(Schedule):
    """`gamma^k` after the k-th time that more than `patience` epochs brought no better validation loss.

    Better is a loss below the best so far by more than `threshold` of it. The count of epochs begins anew after each
    fall, as in torch's `ReduceLROnPlateau`. Let `training.patience` be the larger one, or training stops before.

    Example:
        >>> Plateau(patience=1).factor(50, 100, [1.0, 0.5, 0.5, 0.5])
        0.1
    """

    patience: int = Field(3, ge=0, le=1_000_000, description="epochs without a better loss that are borne")
    gamma: float = Field(0.1, gt=0, lt=1, description="what the rate is multiplied by at each fall")
    threshold: float = Field(1e-4, ge=0, lt=1, description="share by which a loss must be smaller to be better")
    end: float = Field(1e-4, ge=0, le=1, description="share of the learning rate below which it does not fall")

    def after_warmup(self, step: int, steps: int, losses: Sequence[float]) -> float:
        del step, steps
        best, waited, factor = float("inf"), 0, 1.0
        for loss in losses:
            if best == float("inf") or loss < best - self.threshold * abs(best):
                best, waited = loss, 0
            else:
                waited += 1
            if waited > self.patience:
                factor, waited = max(self.end, factor * self.gamma), 0
        return factor
