"""The contract of every tracker."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from mapsto.search.outcome import Outcome

SERIES = ("train_loss", "validation_loss", "score", "learning_rate")
"""What is written of each epoch."""


class Tracker(ABC):
    """One public class a file, named as the file is. It is told of each training that is over, in the leading process.

    What it raises is logged, and the study goes on: a service that cannot be reached is no fault of a recipe.

    Args:
        run: the run folder, whose name is that of the experiment.
    """

    title: ClassVar[str]
    """What a person calls it."""

    @abstractmethod
    def __init__(self, run: Path) -> None:
        """Connects to the service as its own environment variables say.

        Raises:
            MissingPackage: its package is not installed.
        """

    @abstractmethod
    def trial(
        self, name: str, outcome: Outcome, leaves: Mapping[str, Any], epochs: Sequence[Mapping[str, Any]]
    ) -> None:
        """Writes a training down.

        Args:
            name: of its folder under `trials/`.
            outcome: what became of it.
            leaves: its recipe, by dotted name.
            epochs: what its trace holds of each epoch.
        """


def result(outcome: Outcome) -> dict[str, float]:
    """The numbers that sum a training up."""
    found = {"best_score": outcome.score, "seconds": outcome.seconds, "parameters": float(outcome.parameters)}
    return {name: float(value) for name, value in {**found, **outcome.values}.items() if value is not None}


def series(epoch: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of one epoch; those that were not finite are left out."""
    return {name: float(epoch[name]) for name in SERIES if epoch.get(name) is not None}
