"""A column of numbers to predict, to standardized values."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.data.encoders._columns import counted, numbers
from mapsto.data.encoders.base import Encoder, Spec
from mapsto.data.table import Note, Table
from mapsto.errors import DataError

BINS = 10
"""Tenths of the target's range of ranks that a split keeps in the same shares."""


class Values(Encoder):
    """Numbers to float32 of shape `(rows,)`, with mean 0 and standard deviation 1 over the training rows.

    The target is standardized whatever `data.scale` says, so that a learning rate means the same for prices and for
    shares. `decode` gives the user's own unit again. A missing or infinite number is encoded as NaN; `prepare` leaves
    such rows out.
    """

    kinds: ClassVar[tuple[str, ...]] = ("numeric",)

    mean: float = 0.0
    std: float = 1.0

    def fit(self, table: Table, rows: NDArray[np.int64]) -> list[Note]:
        values = numbers(table, self.columns[0])[rows]
        values = values[np.isfinite(values)]
        name = f'The target "{self.columns[0]}" of {table.name}'
        if not len(values):
            raise DataError(f"{name} holds no finite number in the training rows. Choose another with `--target`.")
        if values.min() == values.max():
            raise DataError(
                f"{name} is constant: {values[0]:g} in all of the {counted(len(values), 'training row')}. "
                f"There is nothing to learn; choose another with `--target`."
            )
        with np.errstate(over="ignore", invalid="ignore"):
            self.mean, self.std = float(values.mean()), float(values.std())
        if not (np.isfinite(self.mean) and np.isfinite(self.std) and self.std > 0):
            largest = float(np.abs(values).max())
            raise DataError(f"{name} cannot be standardized: it reaches {largest:g}. Rescale it, or take logarithms.")
        return []

    def encode(self, table: Table) -> NDArray[Any]:
        values = numbers(table, self.columns[0])
        with np.errstate(over="ignore"):
            return ((np.where(np.isfinite(values), values, np.nan) - self.mean) / self.std).astype(np.float32)

    def unusable(self, table: Table) -> NDArray[np.bool_]:
        return ~np.isfinite(numbers(table, self.columns[0]))

    def strata(self, table: Table) -> NDArray[np.int64]:
        # Equal values share a bin, so the order of the file has no say in it.
        values = numbers(table, self.columns[0])
        edges = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
        return np.searchsorted(edges, values, side="right").astype(np.int64)

    @property
    def spec(self) -> Spec:
        return Spec(encoder="values", shape=(), dtype="float32", shift=(-self.mean / self.std,), scale=(self.std,))

    def state(self) -> dict[str, Any]:
        return {"mean": self.mean, "std": self.std}

    def load(self, state: dict[str, Any]) -> None:
        self.mean, self.std = float(state["mean"]), float(state["std"])

    def decode(self, encoded: NDArray[Any]) -> NDArray[Any]:
        """Standardized values to the target's own unit, float64."""
        return np.asarray(encoded, dtype=np.float64) * self.std + self.mean
