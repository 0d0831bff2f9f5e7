"""The contract of every pruner."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


class Pruner(ABC):
    """One public class a file, named as the file is. A trial reports its validation score after each epoch."""

    title: ClassVar[str]
    """What a person calls it."""

    @abstractmethod
    def build(self, max_epochs: int) -> BasePruner:
        """Makes Optuna's pruner for trainings of at most that many epochs."""
