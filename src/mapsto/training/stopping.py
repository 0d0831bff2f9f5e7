"""Early stopping: when the validation score has not improved for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mapsto.metrics.base import Direction
    from mapsto.training.base import Measurement


@dataclass(frozen=True)
class EarlyStopping:
    """Says which of two measurements is better, and when to stop. Prechelt, "Early stopping - but when?", 1998.

    A score that is better by more than `min_delta` is an improvement. Without a `min_delta`, of equal scores the lower
    validation loss wins: accuracy on a few hundred rows has few values, and the loss tells them apart.

    Attributes:
        direction: of the score.
        patience: epochs without improvement after which to stop; 0 never stops.
        min_delta: what counts as an improvement, in units of the score, at least 0.
        by_loss: whether the validation loss decides, and not the score (`mapsto.tasks.losses.base.Loss.picks_epochs`).
    """

    direction: Direction
    patience: int
    min_delta: float = 0.0
    by_loss: bool = False

    def is_better(self, new: Measurement, old: Measurement | None) -> bool:
        """Whether `new` improves on `old` (on nothing, if it is None)."""
        if old is None:
            return True
        if self.by_loss:
            return old.validation_loss - new.validation_loss > self.min_delta
        gain = new.score - old.score if self.direction == "maximize" else old.score - new.score
        if gain == 0 and self.min_delta == 0:
            return new.validation_loss < old.validation_loss
        return gain > self.min_delta

    def is_over(self, epoch: int, best: Measurement | None) -> bool:
        """Whether the best measurement lies `patience` epochs back."""
        return self.patience > 0 and best is not None and epoch - best.epoch >= self.patience
