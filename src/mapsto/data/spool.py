"""Rows that come once, or are too many for memory: kept in a temporary file and mapped from there.

Pieces of a table are collected in memory up to a limit; from there on they lie in a file, as Arrow's bytes. When all
have come, every column is one of two forms: numbers, which become a memory map of numpy, and words, which stay as they
are and are decoded when asked for (`Words`). The file has no name, so it is gone with the last array that uses it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto.data import cells, dates
from mapsto.data.cell_texts import is_code
from mapsto.data.mapped import PIECE_ROWS, File
from mapsto.data.number_columns import FEW_NUMBERS, MOSTLY_NUMBERS
from mapsto.data.stored import Words, numbers_of, written
from mapsto.data.written_numbers import no_numbers
from mapsto.errors import DataError


class Arrays:
    """Arrays, one a row, to one array or to many: in memory, or mapped where they are too large for it.

    Args:
        limit: bytes that are kept in memory.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: list[NDArray[Any]] = []
        self._shapes: list[tuple[int, ...]] = []
        self._file: File | None = None
        self._dtype = np.dtype(np.uint8)
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._shapes)

    def append(self, row: NDArray[Any]) -> None:
        """Adds a row.

        Raises:
            DataError: its type is not that of the first.
        """
        if not self._shapes:
            self._dtype = row.dtype
        if row.dtype != self._dtype:
            raise DataError(
                f"Rows must have the same type of number. Received: {self._dtype} first, and {row.dtype} in row "
                f"{len(self):,} (counted from 0)."
            )
        self._shapes.append(row.shape)
        self._bytes += row.nbytes
        self._pieces.append(row)
        if self._file is not None or self._bytes > self._limit:
            self._file = self._file or File()
            for piece in self._pieces:
                self._file.append(np.ascontiguousarray(piece).reshape(-1).view(np.uint8).data)
            self._pieces.clear()

    def one(self) -> NDArray[Any] | None:
        """All rows as one array; None where their shapes differ."""
        if len(set(self._shapes)) > 1:
            return None
        if self._file is None:
            return np.stack(self._pieces)
        return self._file.mapped(self._dtype, (len(self), *self._shapes[0]))

    def each(self) -> list[NDArray[Any]]:
        """Every row as an array of its own."""
        if self._file is None:
            return self._pieces
        ends = np.cumsum([int(np.prod(shape)) for shape in self._shapes])
        flat = self._file.mapped(self._dtype, (int(ends[-1]),))
        return [part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), self._shapes, strict=True)]


class Frames:
    """Frames, one after another, to one frame in memory, or to stored columns where they are too large for it.

    Args:
        limit: bytes that are kept in memory.
    """

    def __init__(self, limit: int) -> None:
        self.limit, self.rows = limit, 0
        self._kept: list[pd.DataFrame] = []
        self._bytes = 0
        self._file: File | None = None
        self._places: list[tuple[int, int, int]] = []  # rows before, start and length in the file
        self._names: dict[str, None] = {}

    def append(self, piece: pd.DataFrame) -> None:
        """Adds rows; a column that an earlier or later piece lacks is missing there."""
        if not len(piece):
            return
        self._names |= dict.fromkeys(map(str, piece.columns))
        self._bytes += int(piece.memory_usage(deep=True).sum())
        if self._file is None and self._bytes <= self.limit:
            self._kept.append(piece)
            self.rows += len(piece)
            return
        kept, self._kept = self._kept, []
        if kept:
            self.rows = 0
        for frame in [*kept, piece]:
            self._store(frame)

    def frame(self) -> pd.DataFrame | None:
        """All rows as one frame; None where they are stored."""
        if self._file is not None:
            return None
        if not self._kept:
            return pd.DataFrame()
        return self._kept[0] if len(self._kept) == 1 else pd.concat(self._kept, ignore_index=True)

    def columns(self, words: frozenset[str]) -> dict[str, Stored]:
        """Every stored column; those of `words` are text, whatever they read as."""
        assert self._file is not None
        numbers = File()
        found = self._stored_arrays()
        return {name: _stored(*found(name), numbers, name in words) for name in self._names}

    def mixed(self) -> set[str]:
        """Stored columns that are numbers in some pieces and text in others."""
        if self._file is None:
            return set()
        found = self._stored_arrays()
        return {name for name in self._names if len(_types(found(name)[0])) > 1}

    def _stored_arrays(self) -> Callable[[str], tuple[list[Any], NDArray[np.int64]]]:
        """A column's arrays, one a piece (None where it lacks the column), and where each begins."""
        import pyarrow as pa

        assert self._file is not None
        buffer = self._file.mapped(np.uint8, (self._file.size,))
        batches = [
            pa.ipc.open_stream(pa.py_buffer(buffer[start : start + length])).read_next_batch()
            for _, start, length in self._places
        ]
        starts = np.array([*(first for first, _, _ in self._places), self.rows])
        places = [{name: place for place, name in enumerate(batch.schema.names)} for batch in batches]

        def arrays(name: str) -> tuple[list[Any], NDArray[np.int64]]:
            held = zip(batches, places, strict=True)
            return [batch.column(place[name]) if name in place else None for batch, place in held], starts

        return arrays

    def _store(self, frame: pd.DataFrame) -> None:
        import pyarrow as pa  # a tenth of a second to import, needed by large data alone

        self._file = self._file or File()
        arrays = [_arrow(series) for _, series in frame.items()]
        sink = pa.BufferOutputStream()
        batch = pa.RecordBatch.from_arrays(arrays, names=[str(name) for name in frame.columns])
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        data = sink.getvalue()
        self._places.append((self.rows, self._file.size, data.size))
        self._file.append(memoryview(data))
        self.rows += len(frame)


def _arrow(series: pd.Series[Any]) -> Any:
    """A column of a piece: float64 with NaN, timestamps, or text with nulls."""
    import pyarrow as pa

    if getattr(series.dtype, "kind", "O") == "M":
        moments = series.dt.tz_convert("UTC").dt.tz_localize(None) if hasattr(series.dtype, "tz") else series
        return pa.array(moments.to_numpy().astype("datetime64[us]"))
    held = cells.read(series, as_words=True)
    if held.form == "number":
        return pa.array(held.values, from_pandas=True)  # a piece without values has no type
    # A half of a surrogate pair, which JSON can hold, is no text.
    plain = [None if word is None else str(word).encode("utf-8", "replace").decode() for word in held.values]
    return pa.array(plain, type=pa.large_string())


@dataclass(frozen=True)
class Stored:
    """A stored column.

    Attributes:
        values: a memory map of float64 or datetime64, or `Words`.
        remarks: what was done to read them so, in words that follow the column's name.
    """

    values: Any
    remarks: tuple[str, ...] = ()


def _types(arrays: list[Any]) -> set[Any]:
    return {array.type for array in arrays if array is not None and array.null_count < len(array)}


def _stored(arrays: list[Any], starts: NDArray[np.int64], file: File, as_words: bool) -> Stored:
    import pyarrow as pa

    types, counts = _types(arrays), np.diff(starts).tolist()
    words = Words(arrays, starts)
    if len(types) == 1 and pa.types.is_timestamp(next(iter(types))):
        return Stored(written(file, "datetime64[ns]", len(words), map(_moments, arrays, counts)))
    if as_words:
        return Stored(words)
    if types <= {pa.float64()}:
        return Stored(written(file, "float64", len(words), map(_floats, arrays, counts)))
    strange = _strange(words)
    if strange is None:
        return Stored(words)
    return Stored(numbers_of(words, file=file), (_said(strange),) if strange else ())


def _strange(words: Words) -> Counter[str] | None:
    """Texts that are no numbers, in a column of text that is to be read as numbers; None where it is not to be."""
    strange, good, present = Counter[str](), set[float](), 0
    for start in range(0, len(words), PIECE_ROWS):
        part = words[start : start + PIECE_ROWS]
        if any(word is not None and is_code(word) for word in pd.unique(part)):
            return None
        values, odd = cells.to_numbers(part)
        present += int(np.asarray(pd.notna(part)).sum())
        odd_words = {*odd, "True", "False"}
        strange.update([word for word in part if word in odd_words])
        if len(good) <= FEW_NUMBERS:
            good.update(np.unique(values[~np.isnan(values)])[: FEW_NUMBERS + 1].tolist())
        if strange.total() > max(1000, 0.5 * present):
            return None  # mostly text: no need to look at the rest
    if not strange:
        return strange if present else None
    is_number = strange.total() <= (1 - MOSTLY_NUMBERS) * present and len(good) > FEW_NUMBERS
    return strange if is_number else None


def _said(strange: Counter[str]) -> str:
    return no_numbers(strange.total(), list(strange))


def _floats(array: Any, count: int) -> NDArray[np.float64]:
    if array is None or array.null_count == len(array):
        return np.full(count, np.nan)
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=np.float64)


def _moments(array: Any, count: int) -> NDArray[Any]:
    if array is None or array.null_count == len(array):
        return np.full(count, np.datetime64("NaT"), dtype="datetime64[ns]")
    return dates.in_nanoseconds(np.asarray(array.to_numpy(zero_copy_only=False)))
