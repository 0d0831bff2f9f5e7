"""Raw columns as the numbers or the texts that an encoder reads, whatever kind a source took them for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
    """The column as float64, of shape `(rows,)`; what is missing or no number is NaN, infinity stays."""
    values = column(table, name).values
    if values.dtype.kind in "fiub":
        return values.astype(np.float64, copy=False)
    return pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def texts(table: Table, name: str) -> NDArray[np.object_]:
    """The column as strings, of shape `(rows,)`, with None for what is missing; 3.0 reads "3"."""
    values = column(table, name).values
    missing = np.asarray(pd.isna(values), dtype=np.bool_)
    strings = np.array(values, dtype=object)
    strings[missing] = None
    if pd.api.types.infer_dtype(strings, skipna=True) != "string":
        strings[~missing] = [as_text(value) for value in values[~missing].tolist()]
    return strings


def as_text(value: Any) -> str:
    """A value as a person writes it: whole numbers without a decimal point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def natural_order(names: list[str]) -> list[str]:
    """Sorts names by number where all of them are numbers, else by alphabet."""
    values = pd.to_numeric(pd.Series(names, dtype=object), errors="coerce").to_numpy(dtype=np.float64)
    if len(names) and np.isfinite(values).all():
        return [name for _, name in sorted(zip(values.tolist(), names, strict=True))]
    return sorted(names)


def shortened(names: list[str], limit: int = 6) -> str:
    """The first names as a list for a message, and how many more there are."""
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more:,} more" if more > 0 else "")


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`"one row"`, `"1,200 rows"`: a number and its noun, as a sentence has them."""
    if number == 1:
        return f"one {noun}"
    return f"{'no' if number == 0 else f'{number:,}'} {plural or noun + 's'}"


def opening(number: int, noun: str, plural: str | None = None) -> str:
    """The same, as a sentence begins: `"One row"`."""
    words = counted(number, noun, plural)
    return words[0].upper() + words[1:]


def share(part: float, whole: float) -> str:
    """A share as a percentage with two significant digits: `"12 %"`, `"0.3 %"`."""
    percent = 100.0 * part / whole if whole else 0.0
    return f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{percent:.2g} %"
