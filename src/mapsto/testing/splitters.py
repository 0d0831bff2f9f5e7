"""What every splitter must do. `check_splitter(MySplitter)` tests one of your own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapsto.data.splitters.base import Splitter
from mapsto.data.table import Table
from mapsto.recipe.schema import DataOptions
from mapsto.testing.tables import make_table

ROWS, CLASSES, NUM_FOLDS = 240, 3, 4
COLUMNS = {"group_column": "group", "time_column": "time"}
"""Columns of `sample`, by the setting that names them."""


def sample(seed: int = 0) -> tuple[Table, NDArray[np.int64]]:
    """A table with a group and a time in each row, and the rows' classes."""
    rng = np.random.default_rng(seed)
    groups = [f"group {number}" for number in rng.integers(0, 30, ROWS)]
    table = make_table({"group": groups, "time": rng.permutation(ROWS).astype(float)})
    return table, rng.permutation(np.arange(ROWS) % CLASSES)


def check_splitter(splitter: type[Splitter], **settings: Any) -> None:
    """Checks the contract of `Splitter`: nothing is in two places, sizes are near, the random bits alone decide.

    Raises:
        AssertionError: the splitter breaks the contract.
    """
    table, classes = sample()
    options = DataOptions(**{name: COLUMNS[name] for name in splitter.needs}, **settings)

    def make(seed: int) -> Splitter:
        return splitter(table, classes, options, np.random.PCG64(seed))

    rows = np.flatnonzero(np.arange(ROWS) % 6 > 0).astype(np.int64)
    held, rest = make(0).hold_out(rows, 50, NUM_FOLDS + 1)
    assert not np.intersect1d(held, rest).size, "a row is held out and trained on"
    assert np.isin(np.concatenate([held, rest]), rows).all(), "a row that was not to be divided is in a part"
    assert len(held), "nothing is held out"
    assert abs(len(held) - 50) <= 10, f"{len(held)} rows are held out where 50 were wanted"
    again = make(0).hold_out(rows, 50, NUM_FOLDS + 1)
    assert np.array_equal(held, again[0]), "two runs with the same random bits differ"
    folds = make(1).folds(rest, NUM_FOLDS)
    assert len(folds) == NUM_FOLDS, f"{len(folds)} folds are made where {NUM_FOLDS} were wanted"
    validated = np.concatenate([validation for _, validation in folds])
    assert len(np.unique(validated)) == len(validated), "two folds validate on the same row"
    for train, validation in folds:
        assert len(train), "a fold trains on nothing"
        assert len(validation), "a fold validates on nothing"
        assert not np.intersect1d(train, validation).size, "a fold trains on a row that it validates on"
        assert np.isin(np.concatenate([train, validation]), rest).all(), "a fold has a row that is held out"
