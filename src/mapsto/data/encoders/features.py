"""Columns of numbers and of categories to one matrix of features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto.data.encoders._columns import counted, natural_order, numbers, opening, share, shortened, texts
from mapsto.data.encoders.base import Encoder, Spec
from mapsto.data.table import Note, Table
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

BLOCK = 1 << 22
"""Numbers that are worked on at a time: 32 MiB in float64, whatever the size of the table."""

LARGEST = float(np.finfo(np.float32).max)

T = TypeVar("T")


@dataclass(frozen=True)
class _Number:
    """What is known of one column of numbers: its feature is `(value - shift) * factor`.

    `fill` stands for a missing value; `used` tells whether the number is a feature, and `indicator` whether it is one
    that the value was missing.
    """

    name: str
    fill: float
    shift: float
    factor: float
    used: bool
    indicator: bool

    def features(self) -> list[str]:
        return [self.name] * self.used + [f"{self.name} missing"] * self.indicator


@dataclass(frozen=True)
class _Category:
    """What is known of one column of categories: its levels, and whether training had missing or further ones."""

    name: str
    levels: tuple[str, ...]
    missing: bool
    other: bool

    def features(self) -> list[str]:
        extra = [f"{self.name} missing"] * self.missing + [f"{self.name} other"] * self.other
        return [*(f"{self.name}={level}" for level in self.levels), *extra]

    def places(self, labels: NDArray[np.object_]) -> NDArray[np.int64]:
        """Which of its features is 1, a row; -1 for none.

        Where training had no other levels, a new one is all zeros: a feature that was always 0 has random weights.
        """
        gone = np.asarray(pd.isna(labels), dtype=np.bool_)
        other = len(self.levels) + self.missing if self.other else -1
        places = pd.Index(self.levels, dtype=object).get_indexer(pd.Index(labels, dtype=object))
        places = np.where(places < 0, other, places)
        return np.where(gone, len(self.levels), places) if self.missing else places


class Features(Encoder):
    """Numbers and categories to float32 of shape `(rows, features)`: scaled numbers, indicators, one-hot levels.

    A number that is missing or infinite is replaced as `data.missing` says, by the median, mean or zero; where
    training rows have missing numbers, a further feature tells which. Numbers are scaled as `data.scale` says, with
    statistics of the training rows in float64; other rows may lie outside the range. A category has one feature for
    each of its `data.max_levels` most frequent levels in training, one for the others and one for a missing value,
    where training has such. What is constant in training is left out.

    Features are called `"Age"`, `"Age missing"`, `"Sex=male"`, `"Cabin missing"`, `"Cabin other"`; numbers come first.
    """

    kinds: ClassVar[tuple[str, ...]] = ("numeric", "category")

    def __init__(self, columns: Sequence[str], options: DataOptions) -> None:
        super().__init__(columns, options)
        self._numbers: list[_Number] = []
        self._categories: list[_Category] = []

    def fit(self, table: Table, rows: NDArray[np.int64]) -> list[Note]:
        notes: list[Note] = []
        self._numbers, self._categories = [], []
        numeric = [name for name in self.columns if table.columns[name].kind == "numeric"]
        for names in _blocks(numeric, len(rows)):
            values = np.column_stack([numbers(table, name)[rows] for name in names])
            notes += _infinite_notes(values, names)
            learned = self._learn_numbers(values, names)
            notes += self._missing_notes(values, learned)
            self._numbers += [number for number in learned if number.features()]
        categories = [name for name in self.columns if table.columns[name].kind != "numeric"]
        folded = [name for name in categories if self._learn_category(name, texts(table, name)[rows])]
        return [*notes, *self._folded_notes(folded), *self._left_out(table, rows)]

    def _learn_numbers(self, values: NDArray[np.float64], names: Sequence[str]) -> list[_Number]:
        gone = ~np.isfinite(values)
        fills = self._fills(values, gone)
        filled = np.where(gone, fills, values)
        low = np.where(gone, np.inf, values).min(axis=0)
        high = np.where(gone, -np.inf, values).max(axis=0)
        shifts, factors = _scaling(filled, self.options.scale)
        # A range that float64 cannot hold has no finite scale; such a column is left out like a constant one.
        used = np.logical_and.reduce([low < high, np.isfinite(shifts), np.isfinite(factors), factors > 0])
        indicators = gone.any(axis=0) & ~gone.all(axis=0)
        shifts, factors = np.where(used, shifts, 0.0), np.where(used, factors, 1.0)
        learned: list[Any] = [array.tolist() for array in (fills, shifts, factors, used, indicators)]
        return [_Number(*facts) for facts in zip(names, *learned, strict=True)]

    def _fills(self, values: NDArray[np.float64], gone: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What stands for a missing value in each column."""
        fills = np.zeros(values.shape[1])
        if self.options.missing == "zero":
            return fills
        # Also for "drop": rows without a number are not trained on, but a new row must be answered.
        summary = np.mean if self.options.missing == "mean" else np.median
        whole = ~gone.any(axis=0)
        with np.errstate(over="ignore"):
            fills[whole] = summary(values[:, whole], axis=0)
            for place in np.flatnonzero(~whole & ~gone.all(axis=0)):
                fills[place] = summary(values[~gone[:, place], place])
        return np.where(np.isfinite(fills), fills, 0.0)  # the sum of the largest floats is none

    def _missing_notes(self, values: NDArray[np.float64], learned: list[_Number]) -> list[Note]:
        gone = (~np.isfinite(values)).mean(axis=0)
        listed = [f"{n.name} {share(part, 1)}" for n, part in zip(learned, gone, strict=True) if n.indicator]
        if not listed:
            return []
        of_training = "of the training rows"
        fill = {"zero": "zero", "mean": f"the mean {of_training}"}.get(
            self.options.missing, f"the median {of_training}"
        )
        columns = counted(len(listed), "column")
        message = f"Missing numbers in {columns} ({shortened(listed)}) are replaced by {fill}; a further feature tells"
        message = f"{message} which were missing."
        return [Note("info", message, next(n.name for n in learned if n.indicator) if len(listed) == 1 else None)]

    def _learn_category(self, name: str, labels: NDArray[np.object_]) -> bool:
        """Takes up the column unless it is constant; returns whether some levels have to share a feature."""
        counts = pd.Series(labels, dtype=object).value_counts()
        ranked = sorted(counts.index, key=lambda level: (-int(counts[level]), level))
        kept = natural_order(ranked[: self.options.max_levels])
        category = _Category(name, tuple(kept), bool(pd.isna(labels).any()), len(kept) < len(ranked))
        if len(category.features()) > 1:
            self._categories.append(category)
        return category.other

    def _folded_notes(self, folded: list[str]) -> list[Note]:
        if not folded:
            return []
        message = (
            f"{opening(len(folded), 'column has', 'columns have')} more than {self.options.max_levels} levels: "
            f"{shortened(folded)}. The most frequent have a feature each, all others share one (`data.max_levels`)."
        )
        return [Note("info", message, folded[0] if len(folded) == 1 else None)]

    def _left_out(self, table: Table, rows: NDArray[np.int64]) -> list[Note]:
        kept = {number.name for number in self._numbers if number.used} | {c.name for c in self._categories}
        dropped = [name for name in self.columns if name not in kept]
        if not self.spec.names:
            raise DataError(
                f"{table.name} has no column to learn from: in the {counted(len(rows), 'training row')} each has one "
                f"value only ({shortened(dropped)}). Add columns, or rows that differ."
            )
        if not dropped:
            return []
        message = f"{opening(len(dropped), 'column is', 'columns are')} constant in training (or too large to scale)"
        where = dropped[0] if len(dropped) == 1 else None
        return [Note("info", f"{message} and left out: {shortened(dropped)}.", where)]

    def encode(self, table: Table) -> NDArray[Any]:
        matrix = np.zeros((len(table), *self.spec.shape), dtype=np.float32)
        first = 0
        for block in _blocks(self._numbers, len(table)):
            first = _put_numbers(matrix, first, table, block)
        for category in self._categories:
            places = category.places(texts(table, category.name))
            rows = np.flatnonzero(places >= 0)
            matrix[rows, first + places[rows]] = 1.0
            first += len(category.features())
        return matrix

    @property
    def spec(self) -> Spec:
        columns: list[_Number | _Category] = [*self._numbers, *self._categories]
        names = tuple(name for column in columns for name in column.features())
        return Spec(encoder="features", shape=(len(names),), dtype="float32", names=names)

    def state(self) -> dict[str, Any]:
        categories = [{**vars(category), "levels": list(category.levels)} for category in self._categories]
        return {"numbers": [dict(vars(number)) for number in self._numbers], "categories": categories}

    def load(self, state: dict[str, Any]) -> None:
        self._numbers = [_Number(**number) for number in state["numbers"]]
        self._categories = [_Category(**{**c, "levels": tuple(c["levels"])}) for c in state["categories"]]


def _blocks(items: Sequence[T], rows: int) -> list[Sequence[T]]:
    """Parts of `items` that make at most `BLOCK` numbers each."""
    size = max(1, BLOCK // max(1, rows))
    return [items[start : start + size] for start in range(0, len(items), size)]


def _scaling(values: NDArray[np.float64], scale: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shift and factor of each column, as scikit-learn's scalers find them (which treat tiny deviations well)."""
    from sklearn.preprocessing import MinMaxScaler, StandardScaler  # a second to import, so only where it is used

    width = values.shape[1]
    if scale == "none":
        return np.zeros(width), np.ones(width)
    with np.errstate(over="ignore", invalid="ignore"):
        if scale == "standard":
            standard = StandardScaler().fit(values)
            return standard.mean_, 1.0 / standard.scale_
        fitted = MinMaxScaler(feature_range=(-1, 1) if scale == "symmetric" else (0, 1)).fit(values)
        middle = fitted.data_min_ / 2 + fitted.data_max_ / 2
        return (middle if scale == "symmetric" else fitted.data_min_), fitted.scale_


def _put_numbers(matrix: NDArray[np.float32], first: int, table: Table, block: Sequence[_Number]) -> int:
    """Writes the features of some columns from place `first` on; returns the place behind them."""
    values = np.column_stack([numbers(table, number.name) for number in block])
    gone = ~np.isfinite(values)
    used = np.asarray([number.used for number in block])
    indicator = np.asarray([number.indicator for number in block])
    widths = used.astype(np.int64) + indicator
    ends = first + np.cumsum(widths)
    np.copyto(values, np.asarray([number.fill for number in block]), where=gone)
    with np.errstate(over="ignore"):
        values -= np.asarray([number.shift for number in block])
        values *= np.asarray([number.factor for number in block])
    np.clip(values, -LARGEST, LARGEST, out=values)
    matrix[:, (ends - widths)[used]] = values[:, used]
    matrix[:, (ends - 1)[indicator]] = gone[:, indicator]
    return int(ends[-1])


def _infinite_notes(values: NDArray[np.float64], names: Sequence[str]) -> list[Note]:
    counts = np.isinf(values).sum(axis=0)
    found = [name for name, count in zip(names, counts, strict=True) if count]
    if not found:
        return []
    message = f"{opening(int(counts.sum()), 'infinite value')} in training ({shortened(found)}); treated as missing."
    return [Note("warning", message, found[0] if len(found) == 1 else None)]
