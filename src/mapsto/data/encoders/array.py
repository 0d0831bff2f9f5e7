"""An array of the user's own, as it is."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.data.encoders.base import Encoder, Spec
from mapsto.data.table import Note, Table
from mapsto.errors import DataError


class Array(Encoder):
    """Numbers of any shape to the same numbers: what a network of the user's own has always read.

    Nothing is scaled or filled. `spec.array` holds its name.
    """

    kinds: ClassVar[tuple[str, ...]] = ("array", "numeric")

    shape: tuple[int, ...] = ()
    dtype: str = "float32"

    def fit(self, table: Table, rows: NDArray[np.int64]) -> list[Note]:
        values = self._values(table)
        self.shape, self.dtype = values.shape[1:], stored_type(values.dtype).name
        return []

    def encode(self, table: Table) -> NDArray[Any]:
        values = self._values(table)
        if values.shape[1:] != self.shape:
            raise DataError(
                f'"{self.columns[0]}" of {table.name} has rows of shape {values.shape[1:]}; in training they had '
                f"{self.shape}. Give rows of the same shape."
            )
        return np.ascontiguousarray(values, dtype=self.dtype)

    def _values(self, table: Table) -> NDArray[Any]:
        column = table.columns.get(self.columns[0])
        if column is None:
            raise DataError(
                f'{table.name} has no array "{self.columns[0]}"; it has {", ".join(table.columns)}. Give arrays under '
                f"the names that they had in training."
            )
        return np.asarray(column.values)

    @property
    def spec(self) -> Spec:
        return Spec(encoder="array", shape=self.shape, dtype=self.dtype, array=self.columns[0])

    def unusable(self, table: Table) -> NDArray[np.bool_]:
        values = self._values(table)
        if values.dtype.kind != "f":
            return np.zeros(len(table), dtype=np.bool_)
        return np.asarray(~np.isfinite(values).reshape(len(values), -1).all(axis=1), dtype=np.bool_)

    def state(self) -> dict[str, Any]:
        return {"shape": list(self.shape), "dtype": self.dtype}

    def load(self, state: dict[str, Any]) -> None:
        self.shape, self.dtype = tuple(state["shape"]), str(state["dtype"])


def stored_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type in which torch and Keras take numbers of this one: floats in 32 bits, all else as it is."""
    if dtype.kind == "f":
        return np.dtype(np.float16 if dtype == np.float16 else np.float32)
    if dtype in (np.dtype(np.uint16), np.dtype(np.uint32), np.dtype(np.uint64)):
        return np.dtype(np.int64)
    return dtype
