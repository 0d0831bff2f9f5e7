"""Data that are in memory already: frames, arrays, tensors, lists."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto.data.frames import table_of
from mapsto.data.sources import _arrays
from mapsto.data.sources.base import Source
from mapsto.errors import DataError

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

_NAME = "data"


class Memory(Source):
    """A frame, a pair `(x, y)`, a dict of columns or of arrays called x and y, or an array or a list of inputs alone.

    Arrays may be of numpy or torch, or lists of these; frames of pandas, polars, Arrow or Hugging Face (whatever has
    `to_pandas`). A list of dicts holds a row each. Rows of a frame with an index of its own are called by it, others
    by their numbers from 0.
    """

    reads: ClassVar[str] = "in Python also frames, arrays, tensors, lists, pairs (x, y) and dicts of these"

    def accepts(self, source: Any) -> bool:
        return not isinstance(source, (str, Path))

    def read(self, source: Any, options: DataOptions, *, target_needed: bool) -> Table:
        if isinstance(source, tuple):
            if len(source) != 2:
                raise DataError(
                    f"A tuple must be a pair (x, y) of inputs and targets. Received: {len(source)} entries."
                )
            return _pair(_plain(source[0]), _plain(source[1]), options, target_needed)
        if isinstance(source, Mapping):
            arrays = {str(key): _plain(value) for key, value in source.items() if _is_data(value)}
            found = _arrays.find(arrays, _NAME)
            if found is not None and found.inputs.ndim > 1:
                return _arrays.to_table(found, name=_NAME, options=options, target_needed=target_needed)
            return _frame(_as_columns(source), options, target_needed)
        plain = _plain(source)
        if isinstance(plain, pd.DataFrame):
            return _frame(plain, options, target_needed)
        inputs = _arrays.Arrays(plain.to_numpy() if isinstance(plain, pd.Series) else plain)
        return _arrays.to_table(inputs, name=_NAME, options=options, target_needed=target_needed)


def _is_data(value: Any) -> bool:
    """Whether an entry of a dict holds rows; scikit-learn's sets hold their description as well."""
    return (
        not isinstance(value, (str, Path))
        and value is not None
        and (hasattr(value, "__len__") or hasattr(value, "shape"))
    )


def _as_columns(source: Mapping[Any, Any]) -> pd.DataFrame:
    try:
        return pd.DataFrame({str(key): _column(_plain(value)) for key, value in source.items()})
    except ValueError as error:
        raise DataError(
            f"A dict must hold columns of equal length, or arrays called x and y. Received: "
            f"{', '.join(map(str, source))} ({error})."
        ) from error


def _column(plain: Any) -> Any:
    return plain[:, 0] if isinstance(plain, np.ndarray) and plain.ndim == 2 and plain.shape[1] == 1 else plain


def _pair(x: Any, y: Any, options: DataOptions, target_needed: bool) -> Table:
    if isinstance(y, pd.DataFrame) and y.shape[1] == 1:
        y = y.iloc[:, 0]
    is_named = isinstance(y, pd.Series) and y.name is not None
    target = str(y.name) if is_named else "target"
    if isinstance(x, pd.DataFrame):
        if np.ndim(y) != 1 or len(y) != len(x):
            raise DataError(
                f"x has {len(x):,} rows, but y has shape {np.shape(y)}. Give one target a row, in the same order."
            )
        if not is_named:
            target = _arrays.free_name(target, x.columns)
        if target in x.columns:
            raise DataError(f'y is called "{target}", as a column of x is. Rename one of them.')
        values = y.array if isinstance(y, pd.Series) else y
        return _frame(x.assign(**{target: values}), options, target_needed, target)
    inputs = x.to_numpy() if isinstance(x, pd.Series) else x
    return _arrays.to_table(
        _arrays.Arrays(inputs, y), name=_NAME, options=options, target_needed=target_needed, target=target
    )


def _frame(frame: pd.DataFrame, options: DataOptions, target_needed: bool, target: str | None = None) -> Table:
    plain_index = isinstance(frame.index, pd.RangeIndex) or frame.index.nlevels > 1
    return table_of(
        frame,
        name=_NAME,
        options=options,
        target_needed=target_needed,
        target=target,
        row_names=None if plain_index else frame.index.to_numpy(),
    )


def _plain(value: Any) -> Any:
    """A frame or series of pandas, or an array of numpy.

    Raises:
        DataError: it is neither, nor can it be made one.
    """
    torch = sys.modules.get("torch")  # whoever has a tensor has imported it
    if torch is not None and isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        return (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    if isinstance(value, (pd.DataFrame, pd.Series, np.ndarray)):
        return value
    if hasattr(value, "collect_schema") and hasattr(value, "collect"):  # polars' lazy frames
        value = value.collect()
    if hasattr(value, "to_pandas"):
        return value.to_pandas()
    if isinstance(value, pd.api.extensions.ExtensionArray):
        return pd.Series(value)
    return _listed(list(value)) if isinstance(value, (list, tuple, range)) else _array(value)


def _listed(values: list[Any]) -> Any:
    """A list as a frame (of dicts), an array of texts, or an array of whatever its entries are."""
    if values and all(isinstance(value, Mapping) for value in values):
        return pd.DataFrame(values)
    if values and all(value is None or isinstance(value, (str, bytes)) for value in values):
        texts = np.empty(len(values), dtype=object)  # numpy's own texts are as long as the longest
        texts[:] = values
        return texts
    torch = sys.modules.get("torch")
    if torch is not None and values and isinstance(values[0], torch.Tensor):
        values = [_plain(value) for value in values]
    return _array(values)


def _array(value: Any) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(
            f"Rows must have the same length and shape. Received: {type(value).__name__} ({error})."
        ) from error
    if array.ndim == 0:
        raise DataError(
            f"{type(value).__name__} is not read as data. Give a file, a folder, a frame, an array, a tensor, a list, "
            f"a pair (x, y) or a dict of columns."
        )
    return array
