"""Raw columns as the numbers or the texts that an encoder reads, whatever kind a source took them for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import counted as counted
from mapsto._messages import opening as opening
from mapsto._messages import shortened as shortened
from mapsto.data import dates
from mapsto.data.mapped import PIECE_ROWS
from mapsto.data.stored import Words
from mapsto.data.table import Column, Table
from mapsto.errors import DataError
from mapsto.recipe.family import did_you_mean


def column(table: Table, name: str) -> Column:
    """The column of this name.

    Raises:
        DataError: the table has none, as when a model is given other data than it was trained on.
    """
    if name not in table.columns:
        listed = shortened(list(table.columns), 12) or "none"
        raise DataError(
            f'{table.name} has no column "{name}", which is needed.{did_you_mean(name, table.columns)} Columns: '
            f"{listed}. Add the column, or rename the one that holds it."
        )
    return table.columns[name]


def numbers(table: Table, name: str) -> NDArray[np.float64]:
    """The column as float64, of shape `(rows,)`; what is missing or no number is NaN, infinity stays.

    Dates are days since 1970.
    """
    values = column(table, name).values
    if values.dtype.kind == "M":
        return dates.as_days(values)
    if values.dtype.kind in "fiub":
        return values.astype(np.float64, copy=False)
    return pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def texts(table: Table, name: str) -> NDArray[np.object_]:
    """The column as strings, of shape `(rows,)`, with None for what is missing; 3.0 reads "3"."""
    return _as_texts(column(table, name).values)


def pieces(table: Table, name: str, rows: NDArray[np.int64] | None = None) -> Iterator[NDArray[np.object_]]:
    """The same of all rows, or of the given ones, in order, a stretch of them at a time."""
    values = column(table, name).values
    for start in range(0, len(values) if rows is None else len(rows), PIECE_ROWS):
        part = slice(start, start + PIECE_ROWS)
        yield _as_texts(values[part] if rows is None else values[rows[part]])


def _as_texts(values: Any) -> NDArray[np.object_]:
    if values.dtype.kind == "M":
        return dates.written(values)
    if isinstance(values, Words):
        return np.asarray(values)  # text and None already, and there may be much of it
    missing = np.asarray(pd.isna(values), dtype=np.bool_)
    strings = np.array(values, dtype=object)
    strings[missing] = None
    if pd.api.types.infer_dtype(strings, skipna=True) != "string":
        strings[~missing] = [as_text(value) for value in values[~missing].tolist()]
    return strings


def as_text(value: Any) -> str:
    """A value as a person writes it: whole numbers without a decimal point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def places_of(labels: NDArray[np.object_], levels: Sequence[str]) -> NDArray[np.int64]:
    """Which level each label is, of shape `(rows,)`; -1 for none.

    A label that is no level, letter by letter, is the one level that means the same: "1.0" and "01" mean 1, "TRUE"
    means True, and so does 1 where the levels are False and True. Files and frames write these differently.

    Example:
        >>> places_of(np.array(["True", "0", "maybe"], dtype=object), ["False", "True"]).tolist()
        [1, 0, -1]
    """
    places = pd.Index(list(levels), dtype=object).get_indexer(pd.Index(labels, dtype=object))
    strange = np.flatnonzero((places < 0) & ~np.asarray(pd.isna(labels), dtype=np.bool_))
    if not len(strange):
        return places.astype(np.int64)
    meanings = [meaning(level) for level in levels]
    counts = Counter(meanings)
    known = {meaning: place for place, meaning in enumerate(meanings) if counts[meaning] == 1}
    pairs: tuple[tuple[str | float, str | float], ...] = (("True", 1.0), ("False", 0.0))
    if set(known) <= {"True", "False"} or set(known) <= {0.0, 1.0}:
        known |= {b: known[a] for pair in pairs for a, b in (pair, pair[::-1]) if a in known}
    codes, unique = pd.factorize(labels[strange])
    places[strange] = np.array([known.get(meaning(label), -1) for label in unique], dtype=np.int64)[codes]
    return places.astype(np.int64)


def meaning(label: str) -> str | float:
    """What a label means: a number, True or False, or itself."""
    if label.casefold() in ("true", "false"):
        return label.capitalize()
    try:
        return float(label) if label[:1] in "0123456789+-." else label
    except ValueError:
        return label


def natural_order(names: list[str]) -> list[str]:
    """Sorts names by number where all of them are numbers, else by alphabet."""
    values = pd.to_numeric(pd.Series(names, dtype=object), errors="coerce").to_numpy(dtype=np.float64)
    if len(names) and np.isfinite(values).all():
        return [name for _, name in sorted(zip(values.tolist(), names, strict=True))]
    return sorted(names)


def share(part: float, whole: float) -> str:
    """A share as a percentage with two significant digits: `"12 %"`, `"0.3 %"`."""
    percent = 100.0 * part / whole if whole else 0.0
    return f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{percent:.2g} %"
