"""What cleaning learns about columns: arrays whose first axis is the columns, kept as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Learned = dict[str, NDArray[np.float64]]
"""Facts by name, each an array with one entry (or row) a column; all are finite."""

LARGEST = float(np.finfo(np.float64).max)
"""Stands where there is no bound: JSON holds no infinity."""


def joined(parts: Sequence[Learned]) -> Learned:
    """What was learned about some columns after another, as one."""
    return {name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else ())}


def some(learned: Learned, columns: slice | NDArray[Any]) -> Learned:
    """What was learned about some of the columns."""
    return {name: values[columns] for name, values in learned.items()}


def is_finite(learned: Learned, columns: int) -> NDArray[np.bool_]:
    """Which columns have finite facts alone; float64 does not hold the range of every column."""
    finite = np.ones(columns, dtype=np.bool_)
    for values in learned.values():
        finite &= np.isfinite(values.reshape(columns, -1)).all(axis=1)
    return finite


def to_json(learned: Learned) -> dict[str, Any]:
    """As lists of numbers, which JSON holds exactly."""
    return {name: values.tolist() for name, values in learned.items()}


def from_json(state: Mapping[str, Any]) -> Learned:
    """Takes what `to_json` gave."""
    return {name: np.asarray(values, dtype=np.float64) for name, values in state.items()}


def over_columns(values: NDArray[np.float64], summary: Any, otherwise: float = 0.0) -> NDArray[np.float64]:
    """`summary(present values, axis=0)` of each column, without the missing; `otherwise` where it is not finite."""
    found = np.full(values.shape[1], otherwise)
    gone = np.isnan(values)
    whole = ~gone.any(axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        if whole.any():
            found[whole] = summary(values if whole.all() else values[:, whole], axis=0)
        partly = np.flatnonzero(~whole & ~gone.all(axis=0))
        # Columns that lie in one piece: picking from a matrix of many columns jumps through memory.
        columns, there = np.ascontiguousarray(values[:, partly].T), np.ascontiguousarray(~gone[:, partly].T)
        found[partly] = [summary(column[row], axis=0) for column, row in zip(columns, there, strict=True)]
    return np.where(np.isfinite(found), found, otherwise)  # the sum of the largest floats is none
