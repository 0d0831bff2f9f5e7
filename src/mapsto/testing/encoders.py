"""What every encoder must do. `check_encoder(MyEncoder)` tests one of your own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from mapsto.data.encoders.base import Encoder
from mapsto.data.table import Column, Kind, Table
from mapsto.recipe.schema import DataOptions

ROWS = 40
TRAINING = np.arange(0, ROWS, 2)
"""Every other row; what is in the others must not matter."""


@dataclass(frozen=True)
class Tone:
    """A sine as a recording; a `mapsto.data.table.LazyAudio`."""

    hertz: float
    seconds: float
    rate: int = 8000
    name: str = "tone"

    def decode(self) -> tuple[NDArray[np.float32], int]:
        time = np.arange(round(self.seconds * self.rate)) / self.rate
        return np.sin(2 * np.pi * self.hertz * time).astype(np.float32), self.rate


def sample_table() -> Table:
    """40 rows with one column of each kind that can be encoded, each called as its kind is; some values are missing."""
    rng = np.random.Generator(np.random.PCG64(7))
    number = rng.normal(40.0, 12.0, ROWS)
    number[[4, 9]] = np.nan
    words = np.asarray(["the", "cat", "sat", "on", "a", "mat", "very", "softly"])
    values: dict[Kind, NDArray[Any]] = {
        "numeric": number,
        "category": _objects([None if row == 8 else "red green blue".split()[row % 3] for row in range(ROWS)]),
        "text": _objects([" ".join(rng.choice(words, 1 + row % 11)) for row in range(ROWS)]),
        "image": rng.integers(0, 256, (ROWS, 12, 10, 3), dtype=np.uint8),
        "mask": rng.integers(0, 3, (ROWS, 12, 10), dtype=np.uint8),
        "date": np.datetime64("2023-11-05", "ns") + np.arange(ROWS) * np.timedelta64(41, "h"),
        "array": rng.normal(size=(ROWS, 3, 2)).astype(np.float32),
        "audio": _objects([Tone(100.0 + 10 * row, 0.05 + 0.001 * row) for row in range(ROWS)]),
    }
    columns: dict[str, Column] = {kind: Column(kind, kind, array) for kind, array in values.items()}
    return Table("sample", columns, None, None, np.arange(ROWS), "sample")


def with_planted(table: Table) -> Table:
    """The table with absurd values in every row that is not for training."""
    others = np.setdiff1d(np.arange(len(table)), TRAINING)
    absurd = {"numeric": -1e9, "category": "ultraviolet", "text": "zzz " * 500, "image": 255, "mask": 77, "array": 1e9}
    absurd["date"] = np.datetime64("1801-01-01", "ns")
    absurd["audio"] = Tone(3000.0, 30.0)
    planted = {}
    for name, column in table.columns.items():
        values = column.values.copy()
        values[others] = absurd[column.kind]
        planted[name] = replace(column, values=values)
    return replace(table, columns=planted)


def check_encoder(encoder: type[Encoder], **options: Any) -> None:
    """Checks the contract of `Encoder` with one column of each kind that it can read.

    Shape and type are those of `spec`; what `state` gives goes through JSON and encodes the same numbers, bit for bit;
    a row's numbers do not depend on the rows beside it; and what it learns comes from the training rows alone.

    Args:
        encoder: the class to check.
        options: fields of `DataOptions` to check it with.

    Raises:
        AssertionError: the encoder breaks the contract.
    """
    for kind in encoder.kinds:
        assert kind in get_args(Kind), f"{encoder.__name__} reads {kind!r}, which is no kind of column"
        settings = DataOptions(**options)
        table = sample_table()
        fitted = encoder([kind], settings)
        fitted.fit(table, TRAINING)
        encoded = fitted.encode(table)
        _check_shape(fitted, encoded)
        _check_state(fitted, table, encoded)
        _check_neighbors(fitted, table, encoded)
        _check_training_only(encoder([kind], settings), fitted, table, encoded)


def _check_shape(fitted: Encoder, encoded: NDArray[Any]) -> None:
    spec, expected = fitted.spec, (ROWS, *fitted.spec.shape)
    assert encoded.shape == expected, f"`encode` returns shape {encoded.shape}, `spec` promises {expected}"
    assert encoded.dtype == spec.dtype, f"`encode` returns {encoded.dtype}, `spec` promises {spec.dtype}"
    assert fitted.encode(sample_table().take(np.arange(0))).shape == (0, *spec.shape), "no rows do not give no rows"


def _check_state(fitted: Encoder, table: Table, encoded: NDArray[Any]) -> None:
    text = json.dumps(fitted.state(), allow_nan=False)
    loaded = type(fitted)(fitted.columns, fitted.options)
    loaded.load(json.loads(text))
    assert loaded.spec == fitted.spec, "`spec` does not survive a save and a load"
    assert _same(loaded.encode(table), encoded), "a loaded encoder gives other numbers"
    assert json.dumps(loaded.state(), allow_nan=False) == text, "`state` changes by a save and a load"


def _check_neighbors(fitted: Encoder, table: Table, encoded: NDArray[Any]) -> None:
    order = np.random.Generator(np.random.PCG64(1)).permutation(ROWS)
    assert _same(fitted.encode(table.take(order)), encoded[order]), "a row's numbers depend on the order of rows"
    alone = np.concatenate([fitted.encode(table.take(np.asarray([row]))) for row in range(ROWS)])
    assert _same(alone, encoded), "a row's numbers depend on the rows beside it"


def _check_training_only(fresh: Encoder, fitted: Encoder, table: Table, encoded: NDArray[Any]) -> None:
    planted = with_planted(table)
    fresh.fit(planted, TRAINING)
    assert fresh.state() == fitted.state(), "it learned from rows that are not for training"
    assert _same(fresh.encode(planted)[TRAINING], encoded[TRAINING]), "other rows changed how training rows are encoded"


def _same(first: NDArray[Any], second: NDArray[Any]) -> bool:
    return first.dtype == second.dtype and first.shape == second.shape and first.tobytes() == second.tobytes()


def _objects(values: Sequence[object]) -> NDArray[Any]:
    return np.asarray(values, dtype=object)
