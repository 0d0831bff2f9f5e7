"""Columns that lie in a temporary file: numbers as memory maps, and text that is decoded where it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto.data import cells, dates
from mapsto.data.cell_texts import is_code
from mapsto.data.mapped import PIECE_ROWS, File
from mapsto.data.number_columns import FEW_NUMBERS, LOOKED_AT, Counts, Hint, Told, looks_written
from mapsto.data.number_formats import NumberFormat
from mapsto.data.table import Order

MOST_DISTINCT = 10_000
"""Different values up to which those of a stored column are counted."""


@dataclass
class Words:
    """A stored column of text: decoded where it is asked for, so that little of it is in memory at a time.

    It is indexed as an array of objects is; many rows at a time are another `Words`, few are an array. Whoever needs
    all rows at once (`np.asarray`) gets an array of objects.
    """

    pieces: list[Any]
    starts: NDArray[np.int64]
    rows: NDArray[np.int64] | None = None
    convert: Callable[[NDArray[Any]], NDArray[Any]] | None = None
    dtype: np.dtype[Any] = field(default=np.dtype(object))

    ndim = 1

    def __len__(self) -> int:
        return int(self.starts[-1]) if self.rows is None else len(self.rows)

    @property
    def shape(self) -> tuple[int]:
        return (len(self),)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, (int, np.integer)):
            return self._decoded(self._absolute(np.array([index])))[0]
        is_slice = isinstance(index, slice)
        rows = self._absolute(np.arange(*index.indices(len(self))) if is_slice else np.asarray(index))
        if len(rows) <= PIECE_ROWS:
            return self._decoded(rows)
        return Words(self.pieces, self.starts, rows, self.convert, self.dtype)

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self), PIECE_ROWS):
            yield from self[start : start + PIECE_ROWS]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        found = np.empty(len(self), dtype=self.dtype)
        known: dict[Any, Any] = {}  # equal words are one object
        for start in range(0, len(self), PIECE_ROWS):
            part = self[start : start + PIECE_ROWS]
            if self.dtype == object and len(known) < MOST_DISTINCT:
                part[:] = [known.setdefault(word, word) for word in part]
            found[start : start + PIECE_ROWS] = part
        return found if dtype is None else found.astype(dtype)

    def astype(self, dtype: Any, **options: Any) -> NDArray[Any]:
        """All rows, as an array of another type."""
        return np.asarray(self).astype(dtype, **options)

    def converted(self, convert: Callable[[NDArray[Any]], NDArray[Any]]) -> Words:
        """The column with another step after its decoding: a function of the rows that are asked for."""
        before = self.convert

        def both(part: NDArray[Any]) -> NDArray[Any]:
            return convert(part if before is None else before(part))

        return Words(self.pieces, self.starts, self.rows, both, self.dtype)

    def _absolute(self, index: NDArray[Any]) -> NDArray[np.int64]:
        if index.dtype == bool:
            index = np.flatnonzero(index)
        index = np.where(index < 0, index + len(self), index) if len(index) and index.min() < 0 else index
        return np.asarray(index if self.rows is None else self.rows[index], dtype=np.int64)

    def _decoded(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        found = np.empty(len(rows), dtype=object)
        which = np.searchsorted(self.starts, rows, side="right") - 1
        for piece in np.unique(which):
            here = which == piece
            found[here] = _taken(self.pieces[piece], rows[here] - self.starts[piece])
        return found if self.convert is None else self.convert(found)


def _taken(array: Any, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Rows of an Arrow array as objects, numbers as words."""
    if array is None:
        return np.full(len(rows), None, dtype=object)
    is_run = len(rows) == rows[-1] - rows[0] + 1 and bool((np.diff(rows) == 1).all())
    found = (array.slice(int(rows[0]), len(rows)) if is_run else array.take(rows)).to_numpy(zero_copy_only=False)
    return cells.to_words(found) if found.dtype.kind == "f" else found.astype(object)


def numbers_of(words: Words, number_format: str | None = None, file: File | None = None) -> NDArray[Any]:
    """Text as numbers, mapped; what is none is NaN.

    Args:
        words: the column.
        number_format: how it writes numbers, as an example; None where they are plain.
        file: where they shall lie.
    """
    form = None if number_format is None else NumberFormat.of(number_format)

    def read(part: NDArray[Any]) -> NDArray[np.float64]:
        if form is None:
            return cells.to_numbers(part)[0]
        codes, unique = pd.factorize(part)
        return np.append(form.read(unique.tolist()), np.nan)[codes]

    parts = (read(words[start : start + PIECE_ROWS]) for start in range(0, len(words), PIECE_ROWS))
    return written(file or File(), "float64", len(words), parts)


def told_of(words: Words, least: float, hint: Hint) -> Told | None:
    """How a column of text writes numbers, told from all of its rows; None where it has none, or plain ones.

    Args:
        words: the column.
        least: the share of its texts that must be numbers.
        hint: asked where it does not settle its decimal mark.
    """
    first = [text for text in pd.unique(words[:LOOKED_AT]) if text is not None]
    if not looks_written(first):
        return None
    counts = Counts()
    for start in range(0, len(words), PIECE_ROWS):
        codes, unique = pd.factorize(words[start : start + PIECE_ROWS])
        if least and any(map(is_code, unique)):
            return None
        for text, count in zip(unique, np.bincount(codes[codes >= 0], minlength=len(unique)).tolist(), strict=True):
            counts.add(text, count)
        if counts.strange > max(LOOKED_AT, (1 - least) * counts.good):
            return None
    told = counts.tell(least, hint)
    few = counts.strange and least and summary(words)[1] in range(FEW_NUMBERS)
    return None if told is None or told.format is None or few else told


def dates_of(words: Words, order: Order) -> NDArray[Any]:
    """Text as dates, mapped; what is none is NaT."""

    def parts() -> Iterator[NDArray[Any]]:
        for start in range(0, len(words), PIECE_ROWS):
            part = words[start : start + PIECE_ROWS]
            found = dates.read(part, order, least=0.0)
            yield np.full(len(part), np.datetime64("NaT", "ns")) if found is None else found.values

    return written(File(), "datetime64[ns]", len(words), parts())


def words_of(values: NDArray[Any]) -> Words:
    """Stored numbers as text, decoded where it is asked for."""
    import pyarrow as pa

    return Words([pa.array(values, from_pandas=False)], np.array([0, len(values)]))


def written(file: File, dtype: str, rows: int, parts: Iterable[NDArray[Any]]) -> NDArray[Any]:
    """Parts of a column as one mapped array."""
    start = file.size
    for part in parts:
        file.append(np.ascontiguousarray(part).view(np.uint8).data)
    return file.mapped(dtype, (rows,), start)


def is_stored(values: Any) -> bool:
    """Whether values lie in a temporary file instead of memory."""
    return isinstance(values, (np.memmap, Words))


def in_pieces(values: Any) -> Iterator[NDArray[Any]]:
    """A column's values, `PIECE_ROWS` at a time, in memory."""
    for start in range(0, len(values), PIECE_ROWS):
        yield np.asarray(values[start : start + PIECE_ROWS])


def odd_rows(words: Words, rows: NDArray[np.int64]) -> list[int]:
    """The first row of a column of text that is no number, or a code, where those of a sample all are numbers."""
    some = np.asarray(words[rows])
    if _odd(some) or pd.isna(some).all():
        return []
    for start in range(0, len(words), PIECE_ROWS):
        part = words[start : start + PIECE_ROWS]
        if strange := _odd(part):
            return [start + part.tolist().index(strange[0])]
    return []


def _odd(values: NDArray[Any]) -> list[str]:
    """Texts that are no numbers, or codes."""
    return cells.to_numbers(values)[1] or [text for text in pd.unique(values) if text is not None and is_code(text)]


def has_value(values: Any) -> bool:
    """Whether a row of the column has a value."""
    return any(
        bool(pd.notna(np.asarray(values[start : start + PIECE_ROWS])).any())
        for start in range(0, len(values), PIECE_ROWS)
    )


def summary(values: Any) -> tuple[int, int | None]:
    """Missing values of a stored column, and different ones (None: more than are counted)."""
    missing, seen = 0, set[Any]()
    for start in range(0, len(values), PIECE_ROWS):
        part = np.asarray(values[start : start + PIECE_ROWS])
        gone = np.asarray(pd.isna(part))
        missing += int(gone.sum())
        if len(seen) <= MOST_DISTINCT:
            seen.update(pd.unique(part[~gone]).tolist())
    return missing, len(seen) if len(seen) <= MOST_DISTINCT else None


def row_bytes(columns: Mapping[str, Any]) -> int:
    """Bytes that a row takes in memory, roughly: 8 a number, and for words what the first hundred take."""
    total = 0
    for values in columns.values():
        if isinstance(values, Words):
            first = [str(word) for word in values[:100] if word is not None]
            total += 60 + sum(map(len, first)) // max(1, len(first))
        else:
            total += values.nbytes // max(1, len(values))
    return max(1, total)
