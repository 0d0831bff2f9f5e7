"""A recipe's training in the hands of a finder: so many steps, at rates that the finder says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mapsto.training.loop import TorchTrainer

if TYPE_CHECKING:
    from torch import Tensor


class Trial(TorchTrainer):
    """The training of a recipe without epochs: rows come in the same order and are changed in the same way."""

    _waiting: Iterator[Tensor] = iter(())

    def train_steps(self, rates: Sequence[float]) -> list[float]:
        """Trains one step at each rate, and returns their losses; the last one may not be finite."""
        losses: list[float] = []
        with self._noise.drawn():
            for rate in rates:
                losses.append(float(self.step(self._next_batch(), rate)))
                if not math.isfinite(losses[-1]):
                    break
        return losses

    def gradients(self, count: int) -> Iterator[list[Tensor]]:
        """The gradients of so many further batches at the present weights, which stay as they are."""
        with self._noise.drawn():
            for _ in range(count):
                yield self.step.gradients(self._next_batch())

    def validation_loss(self) -> float:
        """The mean loss over the validation rows."""
        with self._answering():
            _, loss = self._evaluate(self.prepared.parts["validation"])
        return loss if np.isfinite(loss) else math.inf

    def _next_batch(self) -> dict[str, Tensor]:
        rows = next(self._waiting, None)
        if rows is None:
            if self.step_in_epoch:
                self._order.end()
                self.epoch += 1
            epoch = self.balance.rows.epoch(self._order.begin()).to(self.tensors.device)
            self._waiting = iter(epoch.split(self.recipe.training.batch_size)[: self.steps_per_epoch])
            rows = next(self._waiting)
            self.step.begin(self.epoch)
            if self.epoch == 0:
                self.step.prepare(self._batch(rows))
        self.step_in_epoch += 1
        return self._batch(rows)
