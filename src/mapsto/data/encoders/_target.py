"""The target of the training rows, for what learns from it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto.data.encoders._columns import natural_order, numbers, texts
from mapsto.data.labels import parts_of
from mapsto.data.levels.base import Target
from mapsto.data.table import Table
from mapsto.errors import DataError

FOLDS = 5


def training_target(table: Table, rows: NDArray[np.int64]) -> Target:
    """The target of these rows as numbers, and the fold of each; a row without a target counts as the mean.

    Raises:
        DataError: the target is neither a number nor a class.
    """
    kind = None if table.target is None else table.columns[table.target].kind
    folds = np.random.Generator(np.random.PCG64(0)).permutation(np.arange(len(rows)) % FOLDS)
    if table.target is not None and kind == "numeric":
        values = numbers(table, table.target)[rows]
        there = np.isfinite(values)
        values = np.where(there, values, values[there].mean() if there.any() else 0.0)
        return Target(values[:, np.newaxis], ("",), folds)
    separator = None if table.target is None else table.columns[table.target].label_separator
    if table.target is not None and separator is not None:
        held = [parts_of(str(cell or ""), separator) for cell in texts(table, table.target)[rows]]
        names = natural_order(list({part for parts in held for part in parts}))
        return Target(
            np.asarray([[name in parts for name in names] for parts in held], np.float64), tuple(names), folds
        )
    if table.target is not None and kind == "category":
        labels = texts(table, table.target)[rows]
        names = natural_order([str(name) for name in pd.unique(labels) if name is not None])
        values = np.stack([(labels == name).astype(np.float64) for name in names], axis=1)
        return Target(values, tuple(names), folds) if len(names) > 2 else Target(values[:, -1:], ("",), folds)
    raise DataError(
        f"`data.categories: target` needs a target that is a number or a class, and {table.name} has "
        f"{'none' if kind is None else f'one of kind {kind}'}. Set `data.categories` to onehot, embedding or hashing."
    )
