"""Arrays for a network of the user's own: read as they are, with a name each, and a target."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto.data.encoders.array import stored_type
from mapsto.data.frames import table_of
from mapsto.data.table import Column, Table
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

NAME = "arrays"
FURTHER_TARGET = "targets."
"""What the names of arrays begin with that are further outputs to be learned."""

LENGTHS = "lengths"
"""The array that tells how long the sequences were before they were filled up, where their lengths differ."""


def is_arrays(data: Any) -> bool:
    """Whether these are arrays to be read as they are: a pair (x, y) whose x is no frame, and no text."""
    if not isinstance(data, tuple) or len(data) != 2:
        return False
    x = data[0]
    if isinstance(x, Mapping):
        return all(not isinstance(value, str) for value in x.values())
    return not isinstance(x, pd.DataFrame) and not hasattr(x, "to_pandas")


def is_pair(data: Any, names: Sequence[str]) -> bool:
    """Whether these are inputs and targets, for a network that reads arrays of these names, and not inputs alone."""
    several = [name for name in names if name != LENGTHS]
    return is_arrays(data) and (len(several) != 2 or isinstance(data[0], Mapping | tuple | list))


def table_of_arrays(x: Any, y: Any = None, names: Sequence[str] | None = None) -> Table:
    """A table with a column for each array of the inputs, and one for the target.

    Args:
        x: an array, a tuple or list of arrays for a network of several inputs, a dict of them by name, or sequences of
            different lengths, which are filled up with zeros behind; the column `lengths` then tells theirs.
        y: one class or number a row, classes one-hot, or None; a tuple or a dict of these for a network of several
            outputs, of which the first is the one that is scored.
        names: of the inputs, as they were in training; None: their own, or x, x1, x2, ...

    Raises:
        DataError: an array holds no numbers, or the lengths differ.
    """
    arrays = _named(x, names, None if y is None or isinstance(y, Mapping | tuple) else len(y))
    rows = {name: len(array) for name, array in arrays.items()}
    further: dict[str, NDArray[Any]] = {}
    if isinstance(y, Mapping | tuple):
        named = {str(k): v for k, v in y.items()} if isinstance(y, Mapping) else {f"y{n}": v for n, v in enumerate(y)}
        (first, y), *others = named.items()
        further = {f"{FURTHER_TARGET}{name}": _targets(values, name) for name, values in others}
        arrays |= further
        rows |= {name: len(array) for name, array in further.items()}
    else:
        first = "y"
    targets = None if y is None else _targets(y, first)
    if targets is not None:
        rows["y"] = len(targets)
    if len(set(rows.values())) > 1:
        shown = ", ".join(f"{name} {count:,}" for name, count in rows.items())
        raise DataError(f"All arrays must have as many rows. Received: {shown}.")
    if targets is not None and targets.ndim > 1:
        raise DataError(
            f"y must hold one class or one number a row, or classes one-hot. Received: shape {targets.shape}."
        )
    count = next(iter(rows.values()))
    frame = pd.DataFrame(index=pd.RangeIndex(count))
    target = None
    if targets is not None:
        target = first if first not in arrays else f"{first} target"
        frame[target] = targets
    ready = {name: Column(name, "array", array, inferred=False) for name, array in arrays.items()}
    return table_of(frame, name=NAME, options=DataOptions(), target_needed=y is not None, target=target, ready=ready)


def _named(x: Any, names: Sequence[str] | None, rows: int | None) -> dict[str, NDArray[Any]]:
    if isinstance(x, Mapping):
        found = {str(name): _inputs(array, str(name)) for name, array in x.items()}
        return {name: found[name] for name in names if name in found} if names is not None else found
    whole = x if isinstance(x, tuple) else (x,)
    is_several = len([name for name in names or () if name != LENGTHS]) > 1
    if isinstance(x, list) and (is_several or (rows not in (None, len(x)) and all(np.ndim(one) for one in x))):
        whole = tuple(x)  # Keras takes lists of inputs; a list as long as the targets holds a row each
    if isinstance(x, tuple) or len(whole) > 1:
        known = [name for name in names or () if name != LENGTHS] or ["x", *(f"x{n}" for n in range(1, len(whole)))]
        return {name: _inputs(array, name) for name, array in zip(known, whole, strict=True)}
    name = (names or ("x",))[0]
    filled = _filled(x)
    return {name: _inputs(x, name)} if filled is None else {name: filled[0], LENGTHS: filled[1]}


def _inputs(values: Any, name: str) -> NDArray[Any]:
    array = _array(values, name)
    if array.dtype.kind not in "fiub":
        raise DataError(
            f'The array "{name}" must hold numbers, as a network reads it. Received: {array.dtype}. Texts and tables '
            f"are prepared by mapsto where they come as a file or a frame."
        )
    return array.astype(stored_type(array.dtype), copy=False)


def _filled(values: Any) -> tuple[NDArray[Any], NDArray[np.int64]] | None:
    """Sequences of different lengths as one array with zeros behind, and their lengths; None for anything else."""
    is_ragged = isinstance(values, np.ndarray) and values.dtype == object
    if not (isinstance(values, list) or is_ragged) or not len(values):
        return None
    if not all(hasattr(one, "__len__") and not isinstance(one, str) for one in values):
        return None
    lengths = np.array([len(one) for one in values], dtype=np.int64)
    if (lengths == lengths[0]).all():
        return None
    parts = [np.asarray(one) for one in values]
    joined = np.zeros((len(parts), int(lengths.max()), *parts[0].shape[1:]), dtype=np.result_type(*parts))
    for row, part in enumerate(parts):
        joined[row, : len(part)] = part
    return joined, lengths


def _targets(values: Any, name: str) -> NDArray[Any]:
    """Targets as a network learns them: whole numbers for classes, numbers in 32 bits."""
    array = _classes_of_one_hot(_array(values, name))
    return array.astype(stored_type(array.dtype), copy=False) if array.dtype.kind in "fiub" else array


def _array(values: Any, name: str) -> NDArray[Any]:
    torch = sys.modules.get("torch")  # whoever has a tensor has imported it
    if torch is not None and isinstance(values, torch.Tensor):
        values = values.detach().cpu().numpy()
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f'The rows of "{name}" must have the same shape. Received: {error}.') from error
    if array.ndim == 0:
        raise DataError(f'"{name}" must be an array with one row an example. Received: {type(values).__name__}.')
    return array


def _classes_of_one_hot(targets: NDArray[Any]) -> NDArray[Any]:
    """Class numbers of one-hot rows; a column of its own as a plain array; anything else as it is."""
    if targets.ndim == 2 and targets.shape[1] == 1:
        return targets[:, 0]
    if targets.ndim == 2 and ((targets == 0) | (targets == 1)).all() and (targets.sum(axis=1) == 1).all():
        return np.asarray(targets.argmax(axis=1))
    return targets
