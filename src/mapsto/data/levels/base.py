"""One column of categories to features: the contract of every encoding of levels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto.recipe.schema import DataOptions

Labels = NDArray[np.object_]
"""Texts, with None for what is missing, of shape `(rows,)`."""


@dataclass(frozen=True)
class Target:
    """What training rows are to be told about the target: for encodings that use it.

    Attributes:
        values: shape `(rows, outputs)`: a column a class (one alone of two), or the number to predict.
        names: what each column is called, empty for the only one.
        folds: shape `(rows,)`: the rows of a fold are encoded with what the other folds say.
    """

    values: NDArray[np.float64]
    names: tuple[str, ...]
    folds: NDArray[np.int64]


class LevelEncoding(ABC):
    """One public class a file, named as the file is; `data.categories` names it. One object is one column.

    `learn` sees training rows alone. `write` fills features that are zero at first, of shape `(rows, features)`.
    """

    needs_target: ClassVar[bool] = False
    """Whether `learn` gets the target of the training rows."""

    def __init__(self, column: str, options: DataOptions) -> None:
        self.column = column
        self.options = options

    keeps_levels: ClassVar[bool] = True
    """Whether something of each level may lie beside the model, so that new ones are told."""

    @abstractmethod
    def learn(self, labels: Labels, target: Target | None) -> None:
        """Learns from the training rows."""

    @abstractmethod
    def features(self) -> list[tuple[str, int]]:
        """Name of each feature, and how many whole numbers from 0 on it may hold; 0 if it is any number.

        None where the column is constant in training.
        """

    @abstractmethod
    def write(self, features: NDArray[np.float32], labels: Labels) -> None:
        """Writes the features of rows, whether or not they are of training."""

    def of_training(self) -> NDArray[np.float32] | None:
        """The features of the training rows themselves, in their order, where `write` would betray their target."""
        return None

    def remark(self) -> str:
        """What to say of the column and its like, as a sentence goes on after "2 columns (a, b) have"; or nothing."""
        return ""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What was learned, as values that JSON holds exactly."""

    @abstractmethod
    def load(self, state: dict[str, Any]) -> None:
        """Takes what `state` gave, instead of `learn`."""


def missing(labels: Labels) -> NDArray[np.bool_]:
    """Which rows have no level."""
    return np.asarray(pd.isna(labels), dtype=np.bool_)
