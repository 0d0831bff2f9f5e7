"""What every way of dividing rows has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.data.mapped import PIECE_ROWS
from mapsto.data.table import Note, Table
from mapsto.recipe.schema import DataOptions

Rows = NDArray[np.int64]
_BITS = 5  # by which many rows are parted to be sorted


class Splitter(ABC):
    """Decides which rows are held out. One public class a file, named as the file is; used once a table.

    Args:
        table: whose rows are divided.
        strata: what each part shall hold in the same shares: the class of each row, from 0 on, of shape `(rows,)`; or
            its labels, of shape `(rows, labels)` with 1 for each label that it has; None where any row will do.
        options: `data.*`, of which a splitter reads its own columns.
        bits: random bits, and the only ones that it uses.

    Raises:
        DataError: the data cannot be divided so.
    """

    needs: ClassVar[tuple[str, ...]] = ()
    """Settings under `data.` without which it cannot work."""

    takes: ClassVar[tuple[str, ...]] = ()
    """Further settings that it looks at."""

    def __init__(self, table: Table, strata: Rows | None, options: DataOptions, bits: np.random.BitGenerator) -> None:
        self.table, self.strata, self.options, self.bits = table, strata, options, bits

    def placeable(self) -> NDArray[np.bool_]:
        """Marks the rows that it can put somewhere; the others are in no part."""
        return np.ones(len(self.table), dtype=np.bool_)

    @abstractmethod
    def hold_out(self, rows: Rows, total: int, keep: int) -> tuple[Rows, Rows]:
        """Divides rows in two.

        Args:
            rows: to be divided, ascending.
            total: how many shall be held out, as nearly as can be.
            keep: into how many parts the rest is still to be divided, at least 1.

        Returns:
            The rows that are held out, and those that may still be trained on; in any order, neither empty.

        Raises:
            DataError: they cannot be divided so often.
        """

    @abstractmethod
    def folds(self, rows: Rows, num_folds: int) -> list[tuple[Rows, Rows]]:
        """Divides rows so that each fold has its own rows to validate on.

        Returns:
            For each fold the rows to train on and the rows to validate on, neither empty.

        Raises:
            DataError: they cannot be divided so often.
        """

    def notes(self, parts: dict[str, Rows]) -> list[Note]:
        """What the user should know of how these parts came to be."""
        del parts
        return []


def shuffled(count: int, bits: np.random.BitGenerator) -> Rows:
    """The numbers from 0 to `count` - 1 in random order.

    Sorted by raw bits, because numpy promises that their stream stays as it is, and does not promise it of the
    methods of its generators (NEP 19).

    Example:
        >>> shuffled(5, np.random.PCG64(0)).tolist()
        [3, 2, 1, 0, 4]
    """
    raw = np.asarray(bits.random_raw(count))
    if count <= PIECE_ROWS:
        return np.argsort(raw, kind="stable").astype(np.int64, copy=False)
    # Of many rows a part is sorted at a time, by the first bits, so that less lies in memory: of 8 bytes a row, all.
    first, order, end = np.empty(count, dtype=np.uint8), np.empty(count, dtype=np.int64), 0
    np.right_shift(raw, np.uint64(64 - _BITS), out=first, casting="unsafe")
    for value in range(1 << _BITS):
        among = np.flatnonzero(first == value)
        order[end : end + len(among)] = among[np.argsort(raw[among], kind="stable")]
        end += len(among)
    return order


def other_folds(folds: list[Rows]) -> list[tuple[Rows, Rows]]:
    """Each fold with all others to train on."""
    return [(np.concatenate([*folds[:i], *folds[i + 1 :]]), fold) for i, fold in enumerate(folds)]
