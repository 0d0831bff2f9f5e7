"""Small tables to test with, made of lists and arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapsto.data.fingerprint import of_arrays
from mapsto.data.table import Column, Kind, Table


def make_table(
    values: Mapping[str, Sequence[Any] | NDArray[Any]],
    *,
    kinds: Mapping[str, Kind] | None = None,
    target: str | None = None,
    parts: Sequence[str] | None = None,
    name: str = "table",
) -> Table:
    """A table of these columns.

    A column's kind is read off its values unless `kinds` says otherwise: numbers are numeric, with None for missing,
    arrays of more than two axes are images, and all else is category.

    Example:
        >>> table = make_table({"age": [31, None], "paid": ["no", "yes"]}, target="paid")
        >>> [(column.name, column.kind) for column in table.columns.values()]
        [('age', 'numeric'), ('paid', 'category')]
    """
    columns = {key: _column(key, column, (kinds or {}).get(key)) for key, column in values.items()}
    rows = len(next(iter(columns.values())).values)
    return Table(
        name=name,
        columns=columns,
        target=target,
        given_parts=None if parts is None else np.asarray(parts),
        row_names=np.arange(rows),
        fingerprint=of_arrays({key: column.values for key, column in columns.items() if _is_plain(column)}),
    )


def _column(name: str, values: Sequence[Any] | NDArray[Any], kind: Kind | None) -> Column:
    if isinstance(values, np.ndarray) and values.ndim > 2:
        return Column(name, kind or "image", values)
    if kind is None:
        numbers = all(value is None or isinstance(value, int | float | np.number) for value in values)
        kind = "numeric" if numbers else "category"
    if kind == "numeric":
        return Column(name, kind, np.asarray(values, dtype=np.float64))
    objects = np.empty(len(values), dtype=object)
    objects[:] = list(values)
    return Column(name, kind, objects)


def _is_plain(column: Column) -> bool:
    return column.values.dtype != object or all(value is None or isinstance(value, str) for value in column.values)
