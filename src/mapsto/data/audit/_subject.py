"""A table under audit: its columns by form, its parts, samples of its rows, and what several checks share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import Message, say, shortened
from mapsto.data.mapped import PIECE_ROWS
from mapsto.data.stored import in_pieces, is_stored
from mapsto.data.table import BULKY, PARTS, Column, Kind, Part, Table

Rows = NDArray[np.int64]
SEED = 20
LONGEST_EXAMPLE = 80
WORDS_OF_A_NAME = 3  # of values with more, as people's names, some may say something
IDENTIFIER = re.compile(r"(^|[_\W])(id|ID|Id|uuid|guid|key)$|[a-z](ID|Id)$|^Unnamed: \d+$|^index$")


class Subject:
    """What checks look at.

    Args:
        table: read, with everything that reading put aside still in it.
        parts: rows of each part; None takes those that the source gives.
        deadline: of the whole audit, by `time.perf_counter`.
    """

    def __init__(self, table: Table, parts: Mapping[Part, Rows] | None = None, deadline: float = float("inf")) -> None:
        self.table, self.deadline = table, deadline
        given = table.given_parts
        found = parts
        if found is None and given is not None:
            found = {part: np.flatnonzero(given == part).astype(np.int64) for part in PARTS}
        self.parts: dict[Part, Rows] = {part: rows for part, rows in (found or {}).items() if len(rows)}

    def __len__(self) -> int:
        return len(self.table)

    @property
    def target(self) -> Column | None:
        """The column to predict."""
        return None if self.table.target is None else self.table.columns.get(self.table.target)

    def columns(self, *kinds: Kind, with_target: bool = False) -> list[Column]:
        """Columns of these kinds, in order."""
        name = None if with_target else self.table.target
        return [c for c in self.table.columns.values() if c.kind in kinds and c.name != name]

    @cached_property
    def numeric(self) -> list[Column]:
        """Inputs that hold numbers, used or not."""
        return [c for c in self.columns("numeric", "ignore") if c.values.dtype.kind in "fiub" and c.values.ndim == 1]

    @cached_property
    def worded(self) -> list[Column]:
        """Inputs that hold words, used or not."""
        return [c for c in self.columns("category", "text", "ignore") if is_worded(c)]

    def sample(self, most: int, among: Rows | None = None) -> Rows:
        """Up to `most` rows, ascending; the same ones each time."""
        rows = np.arange(len(self)) if among is None else among
        if len(rows) <= most:
            return rows
        return np.sort(np.random.Generator(np.random.PCG64(SEED)).choice(rows, most, replace=False))

    def said(self, rows: Rows) -> str:
        """` (in a sample of 20,000 of 1,000,000 rows)`, or nothing where all rows were looked at."""
        if len(rows) >= len(self):
            return ""
        return say(" (in a sample of {sample:,} of {total:,} rows)", sample=len(rows), total=len(self))

    def example(self, row: int, column: str | None = None) -> str:
        """One row in words: its name, and what it has in the column."""
        name = str(self.table.row_names[row])
        if column is None or self.table.columns[column].values.ndim > 1:
            return name
        value = self.table.columns[column].values[row]
        return f"{name}: {shown(value)}" if isinstance(value, (str, float, np.floating)) else name

    @cached_property
    def part_of(self) -> NDArray[np.int64]:
        """For each row the place of its part in `PARTS`, -1 for none."""
        places = np.full(len(self), -1, dtype=np.int64)
        for part, rows in self.parts.items():
            places[rows] = PARTS.index(part)
        return places

    @cached_property
    def identifiers(self) -> frozenset[str]:
        """Inputs that name rows, and that rows are compared without."""
        columns = [*self.numeric, *(column for column in self.worded if column.kind != "text")]
        return frozenset(column.name for column in columns if names_rows(column))

    def row_hashes(self, columns: Iterable[Column]) -> NDArray[np.uint64]:
        """A 64-bit hash of each row's values in some columns, of shape `(rows,)`, and little memory beside it."""
        columns = list(columns)
        found = np.zeros(len(self), dtype=np.uint64)
        for start in range(0, len(self), PIECE_ROWS):
            total = found[start : start + PIECE_ROWS]
            for place, column in enumerate(columns, 1):
                # Moved by the column's place, so that equal values in other columns do not cancel.
                part = np.asarray(column.values[start : start + PIECE_ROWS])
                moved = hashes(part) + np.uint64(0x9E3779B97F4A7C15 * place % 2**64)
                total[:] = (total ^ moved) * np.uint64(0xBF58476D1CE4E5B9)
                total ^= total >> np.uint64(31)
        return found

    @cached_property
    def pictures(self) -> dict[str, Any]:
        """Thumbnails that were made, by column; see `mapsto.data.audit._pictures`."""
        return {}


def is_worded(column: Column) -> bool:
    """Whether it holds words (and gaps) alone."""
    if column.values.dtype != object or column.values.ndim != 1 or column.kind in BULKY:
        return False
    first = next((value for value in column.values if value is not None), None)
    return isinstance(first, str)


def hashes(values: NDArray[Any]) -> NDArray[np.uint64]:
    """A 64-bit hash of each value, of shape `(rows,)`; an array a row is hashed as a whole."""
    if not len(values):
        return np.zeros(0, dtype=np.uint64)
    if values.ndim > 1:
        flat = np.ascontiguousarray(values.reshape(len(values), -1))
        if flat.dtype != np.uint8:
            flat = flat.view(np.uint8).reshape(len(values), -1)
        padded = np.pad(flat, ((0, 0), (0, -flat.shape[1] % 8)))
        words = np.ascontiguousarray(padded).view(np.uint64)
        weights = np.random.Generator(np.random.PCG64(SEED)).integers(0, 2**63, (words.shape[1],), dtype=np.uint64)
        mixed: NDArray[np.uint64] = (words ^ (words >> np.uint64(29))) * (weights[None] * np.uint64(2) + np.uint64(1))
        folded: NDArray[np.uint64] = np.bitwise_xor.reduce(mixed ^ (mixed >> np.uint64(32)), axis=1)
        return np.asarray(folded + mixed.sum(axis=1, dtype=np.uint64))
    if values.dtype == object:
        plain = np.array(["\0" if value is None else value for value in values], dtype=object)
        codes, found = pd.factorize(plain)
        unique = np.asarray(found, dtype=object)
        hashed: NDArray[np.uint64] = np.asarray(pd.util.hash_array(unique.astype(str).astype(object)))
        return np.asarray(hashed[codes])
    plain = np.where(np.isnan(values), np.nan, values + 0.0) if values.dtype.kind == "f" else values
    return np.asarray(pd.util.hash_array(plain))


def different(values: Any) -> tuple[int, int]:
    """How many values are there, and how many different ones: of a stored column by their hashes, 8 bytes a row."""
    if not is_stored(values):
        present = values[~np.asarray(pd.isna(values), dtype=bool)]
        return len(present), len(pd.unique(present))
    found, count = np.empty(len(values), dtype=np.uint64), 0
    for part in in_pieces(values):
        hashed = hashes(part[~np.asarray(pd.isna(part), dtype=bool)])
        found[count : count + len(hashed)] = hashed
        count += len(hashed)
    found = found[:count]
    found.sort()
    return count, int(np.count_nonzero(found[1:] != found[:-1])) + bool(count)


def names_rows(column: Column) -> bool:
    """Whether it has a different value in nearly every row, and that of the sort that identifiers have: short words,
    whole numbers under an identifier's name, or numbers that count.
    """
    values = column.values
    if is_worded(column):
        if column.kind == "text" or not mostly_different(values):
            return False
        present = [str(value) for value in values[:2000] if value is not None]
        return bool(np.mean([len(value.split()) for value in present]) < WORDS_OF_A_NAME)
    if values.dtype.kind != "f" or (values[:1000] != np.floor(values[:1000])).any() or np.isnan(values).any():
        return False  # the first look is cheap, and ends it for most columns
    return is_counter(values) or bool(
        IDENTIFIER.search(column.name) and mostly_different(values) and (values == np.floor(values)).all()
    )


def mostly_different(values: Any) -> bool:
    """Whether at least 97 of 100 values that are there are different, and at least 20 are there."""
    count, distinct = different(values)
    return count >= 20 and distinct >= 0.97 * count


def is_counter(values: NDArray[Any]) -> bool:
    """Whether numbers count rows: whole, nearly all different, and hardly a gap between the least and the greatest."""
    present = values[np.isfinite(values)]
    if len(present) < 50 or len(present) < 0.9 * len(values) or (present[:1000] != np.floor(present[:1000])).any():
        return False
    span = float(present.max() - present.min()) + 1
    if not 0.97 * len(present) <= span <= 1.5 * len(present):
        return False
    return mostly_different(values) and bool((present == np.floor(present)).all())


def shown(value: Any) -> str:
    """A value as a message shows it."""
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    text = str(value)
    return f'"{text}"' if len(text) <= LONGEST_EXAMPLE else f'"{text[:LONGEST_EXAMPLE]}..."'


def listed(values: Iterable[Any], most: int = 5) -> Message:
    """`"a", "b" and 3 more`."""
    return shortened([shown(value) for value in values], most)


def percent(part: float, whole: float) -> str:
    """`5.0 %`."""
    return f"{100 * part / max(whole, 1):.1f} %"
