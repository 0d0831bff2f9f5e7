"""The seam between search and everything that trains.

Search, confirmation and the final fit only ever say: train this recipe up to this epoch, within this time, and report.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mapsto.training.fitted import Fitted


class Ending(Enum):
    """Why a training ended; the value is what a person reads."""

    COMPLETE = "all epochs were trained"
    EARLY = "the validation score stopped improving"
    TIME = "the time was up"
    DIVERGED = "the loss was no longer a finite number, or ten thousand times as large as at the start"


@dataclass(frozen=True)
class Measurement:
    """What is known after an epoch.

    Attributes:
        epoch: epochs done, from 1.
        step: optimizer steps done.
        seconds: spent in training and validation so far, over all interruptions.
        train_loss: mean over the epoch's steps, dropout on, while the weights were changing.
        validation_loss: mean over the validation rows, dropout off.
        score: the objective on the validation rows.
        learning_rate: at the last step.
        others: further metrics on the validation rows, in the order of `search.objectives`.
    """

    epoch: int
    step: int
    seconds: float
    train_loss: float
    validation_loss: float
    score: float
    learning_rate: float
    others: tuple[float, ...] = ()


@dataclass(frozen=True)
class Tick:
    """Where a training is within an epoch; told a few times a second at most."""

    epoch: int
    max_epochs: int
    step: int
    steps_per_epoch: int


class Trainer(ABC):
    """Trains one recipe; the caller decides how far and until when.

    Faults of the training itself (divergence) are an `ending`, not an exception.
    """

    ending: Ending | None = None
    """Why no further epoch will come; None while the training can go on."""

    best: Measurement | None = None
    """The measurement of the weights that `predict` and `fitted` use; None before the first one."""

    @abstractmethod
    def advance(
        self, until: int, *, deadline: float = float("inf"), on_tick: Callable[[Tick], None] | None = None
    ) -> Iterator[Measurement]:
        """Trains up to epoch `until` and yields a measurement after each epoch.

        Args:
            until: epochs, counted from the start of the training.
            deadline: by `time.perf_counter`; past it the current step is the last, and if nothing was measured
                yet the weights are measured once.
            on_tick: called a few times a second.
        """

    @abstractmethod
    def save(self, path: Path) -> None:
        """Writes everything that the rest of the training depends on: weights, optimizer, generators, position."""

    @abstractmethod
    def restore(self, path: Path) -> None:
        """Goes on exactly where `save` was called.

        Raises:
            RunError: the checkpoint is damaged or belongs to another recipe.
        """

    @abstractmethod
    def inherit(self, path: Path) -> None:
        """Goes on where another recipe's training stood, with this recipe's settings and random numbers.

        Raises:
            RunError: the checkpoint is damaged, or its network has another shape.
        """

    @abstractmethod
    def predict(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Predictions of the best weights for prepared rows, as the metrics take them."""

    @abstractmethod
    def fitted(self) -> Fitted:
        """The best weights with recipe and preprocessing, on their own."""

    @abstractmethod
    def close(self) -> None:
        """Frees the memory; the trainer is not used afterwards."""
