"""What turns typed columns into one array: the contract of every encoder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.data.table import Note, Table
from mapsto.recipe.schema import DataOptions


@dataclass(frozen=True)
class Spec:
    """What one encoded array holds, as much as a network needs to know.

    Attributes:
        encoder: name of the encoder that made it: `"features"`, `"image"`, `"tokens"`, `"classes"`, ...
        shape: of one row: `(features,)`, `(channels, height, width)`, `(length,)`, `()` for classes.
        dtype: numpy's name of the stored type.
        names: of the features, of the classes, or of the words, where there are such.
        shift, scale: per channel; a network sees `(stored - shift) * scale`. Empty where stored values are ready. Of
            values to predict, that is their own unit.
        ignore: a class that is neither trained nor scored (void pixels), or None.
        levels: of each feature, how many whole numbers from 0 on it may hold: 0 for a number that may be any, 2 for a
            flag, more for the number of a category's level. Empty where all may be any.
        array: what the user calls it, of an array that is read as it is.
    """

    encoder: str
    shape: tuple[int, ...]
    dtype: str
    names: tuple[str, ...] = ()
    shift: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    ignore: int | None = None
    levels: tuple[int, ...] = ()
    array: str = ""


class Encoder(ABC):
    """Columns of a table to one array; what it must know about the data it learns from the training rows alone.

    One public class a file, named as the file is. `prepare` makes it, calls `fit` once with the training rows,
    then `encode` for pieces of the table; a fitted model calls `restore` with what `state` gave, then `encode`.
    The same row gives the same numbers whatever its neighbours.
    """

    kinds: ClassVar[tuple[str, ...]]
    """The kinds of column (`mapsto.data.table.Kind`) that it can read."""

    def __init__(self, columns: Sequence[str], options: DataOptions) -> None:
        self.columns = tuple(columns)
        self.options = options

    @abstractmethod
    def fit(self, table: Table, rows: NDArray[np.int64]) -> list[Note]:
        """Learns from the given (training) rows; returns what was noticed and what will be done, in words.

        Raises:
            DataError: these columns cannot be encoded so.
        """

    @abstractmethod
    def encode(self, table: Table) -> NDArray[Any]:
        """Returns the array of shape `(len(table), *spec.shape)` and type `spec.dtype`."""

    def learned_from(  # noqa: B027 - most need not know
        self, table: Table, drawn: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> None:
        """Says which rows of the table those were that `fit` was given as a table of their own, of all training rows.

        Called after `fit` where the whole table is too large to learn from; `encode_rows` is given the whole.
        """

    def encode_rows(self, table: Table, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The array of some rows of the very table that it was fitted on, as training sees them.

        It differs from `encode` where what was learned of a training row holds that row's own target.
        """
        return self.encode(table.take(rows))

    def outlying(self, table: Table, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Marks those of the training rows that shall not be learned from; called before `fit`."""
        del table
        return np.zeros(len(rows), dtype=np.bool_)

    @property
    @abstractmethod
    def spec(self) -> Spec:
        """What `encode` returns; known after `fit`."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What was learned, as values that JSON holds exactly."""

    @abstractmethod
    def load(self, state: dict[str, Any]) -> None:
        """Takes what `state` gave, instead of `fit`."""

    def unseen(self, table: Table) -> list[Note]:
        """What new rows hold that training did not, and what becomes of it, in words; nothing where all is known."""
        return []

    def unusable(self, table: Table) -> NDArray[np.bool_]:
        """Marks the rows whose target it cannot encode; `prepare` leaves these out, with a warning.

        Before `fit` these are the rows without a value, after it also those with a value that training never saw.
        """
        return np.zeros(len(table), dtype=np.bool_)

    def strata(self, table: Table) -> NDArray[np.int64] | None:
        """The group of each row, of which every part shall hold the same share (its class); None where any will do.

        Called before `fit`, with usable rows, to split the table.
        """
        del table
        return None

    def decode(self, encoded: NDArray[Any]) -> NDArray[Any]:
        """Back to the user's own words and units (class names, prices); inputs are returned as they are."""
        return encoded
