"""Columns of numbers, dates and categories to one matrix of features."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data.encoders._columns import column, counted, numbers, opening, shortened, texts
from mapsto.data.encoders._dates import Dates
from mapsto.data.encoders._numbers import Numbers
from mapsto.data.encoders._target import training_target
from mapsto.data.encoders.base import Encoder, Spec
from mapsto.data.levels._seen import Seen
from mapsto.data.levels.base import LevelEncoding
from mapsto.data.mapped import PIECE_ROWS
from mapsto.data.table import Note, Table
from mapsto.errors import DataError
from mapsto.recipe.families import LEVELS
from mapsto.recipe.schema import DataOptions


class Features(Encoder):
    """Numbers, dates and categories to float32 of shape `(rows, features)`.

    A number is held within bounds (`data.outliers`), replaced where it is missing or infinite (`data.missing`) and
    scaled (`data.scale`), with statistics of the training rows in float64; other rows may lie outside the range.
    Where training rows have missing numbers, a further feature tells which. With `data.numbers: piecewise_linear` a
    number is spread over bins. A date is its year, a number like others, and points on the circles of month, day,
    weekday and hour. A category becomes features as `data.categories` says. What is constant in training is left out.

    Features are called `"Age"`, `"Age missing"`, `"joined year"`, `"joined month sine"`, `"Sex=male"`, `"Cabin
    missing"`, `"Cabin other"`; numbers come first, then dates.
    """

    kinds: ClassVar[tuple[str, ...]] = ("numeric", "date", "category")

    def __init__(self, columns: Sequence[str], options: DataOptions) -> None:
        super().__init__(columns, options)
        self._numbers = Numbers(options)
        self._dates = Dates()
        self._levels: list[LevelEncoding] = []
        self._learned = np.zeros(0, dtype=np.int64)  # the rows that were learned from, ascending
        self._seen: dict[str, Seen] = {}

    def fit(self, table: Table, rows: NDArray[np.int64]) -> list[Note]:
        kinds = {name: table.columns[name].kind for name in self.columns}
        self._dates.fit(table, [name for name in self.columns if kinds[name] == "date"], rows)
        measured = [name for name in self.columns if kinds[name] in ("numeric", "date")]
        categories = [name for name in self.columns if kinds[name] not in ("numeric", "date")]
        notes = self._numbers.fit(self._reader(table), measured, rows)
        self._levels = []
        remarks: dict[str, list[str]] = {}
        encoding = LEVELS.get(self.options.categories)
        target = training_target(table, rows) if categories and encoding.needs_target else None
        for name in categories:
            levels: LevelEncoding = encoding(name, self.options)
            levels.learn(texts(table, name)[rows], target)
            if levels.features():
                self._levels.append(levels)
            remarks.setdefault(levels.remark(), []).append(name)
        self._learned, self._spec = rows, None
        self._see(table, rows)
        return [*notes, *_remark_notes(remarks), *self._left_out(table, rows)]

    def _see(self, table: Table, rows: NDArray[np.int64]) -> None:
        """Remembers which levels these rows have, for the sake of `unseen`."""
        self._seen = {
            levels.column: Seen.of(_labels(table, levels.column, rows)) if levels.keeps_levels else Seen(None)
            for levels in self._levels
        }

    def _reader(self, table: Table) -> Callable[[str], NDArray[np.float64]]:
        return lambda name: self._dates.years(table, name) if self._dates.has(name) else numbers(table, name)

    def _left_out(self, table: Table, rows: NDArray[np.int64]) -> list[Note]:
        kept = {*self._numbers.used_columns, *self._dates.used_columns, *(levels.column for levels in self._levels)}
        large = [name for name in self._numbers.too_large if name not in kept]
        dropped = [name for name in self.columns if name not in kept and name not in large]
        if not self.spec.names:
            raise DataError(
                f"{table.name} has no column to learn from: in the {counted(len(rows), 'training row')} each has one "
                f"value only, or values too large to scale ({shortened([*dropped, *large])}). Add columns, or rows "
                f"that differ."
            )
        notes = []
        if dropped:
            message = say(
                "{columns} constant in training and left out: {names}.",
                columns=opening(len(dropped), "column is", "columns are"),
                names=shortened(dropped),
            )
            notes.append(Note("info", message, dropped[0] if len(dropped) == 1 else None))
        if large:
            message = say(
                "{columns} too large to scale and left out: {names}. Give them in another unit.",
                columns=opening(len(large), "column is", "columns are"),
                names=shortened(large),
            )
            notes.append(Note("warning", message, large[0] if len(large) == 1 else None))
        return notes

    def outlying(self, table: Table, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        numeric = [name for name in self.columns if table.columns[name].kind == "numeric"]
        return self._numbers.outlying(self._reader(table), numeric, rows)

    def encode(self, table: Table) -> NDArray[Any]:
        matrix = np.zeros((len(table), *self.spec.shape), dtype=np.float32)
        first = self._numbers.put(matrix, self._reader(table))
        first = self._dates.put(matrix, first, table)
        for levels in self._levels:
            end = first + len(levels.features())
            levels.write(matrix[:, first:end], texts(table, levels.column))
            first = end
        return matrix

    def learned_from(self, table: Table, drawn: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        self._learned = drawn
        self._see(table, rows)

    def encode_rows(self, table: Table, rows: NDArray[np.int64]) -> NDArray[Any]:
        matrix = self.encode(table.take(rows))
        places = np.searchsorted(self._learned, rows)
        learned = np.flatnonzero(self._learned[np.minimum(places, len(self._learned) - 1)] == rows)
        first = len(self.spec.names) - sum(len(levels.features()) for levels in self._levels)
        for levels in self._levels:
            end, own = first + len(levels.features()), levels.of_training()
            if own is not None:
                matrix[learned, first:end] = own[places[learned]]
            first = end
        return matrix

    @property
    def spec(self) -> Spec:
        if self._spec is None:
            measured = self._numbers.features(lambda name: f"{name} year" if self._dates.has(name) else name)
            found = [(name, 2 if is_flag else 0) for name, is_flag in measured]
            found += [(name, 0) for name in self._dates.features()]
            found += [feature for levels in self._levels for feature in levels.features()]
            names, counts = tuple(name for name, _ in found), tuple(count for _, count in found)
            self._spec = Spec("features", (len(names),), "float32", names=names, levels=counts)
        return self._spec

    _spec: Spec | None = None

    def unseen(self, table: Table) -> list[Note]:
        notes = []
        for levels in self._levels:
            parts = _labels(table, levels.column, np.arange(len(table)))
            found = sorted({new for part in parts for new in self._seen[levels.column].new(part)})
            if found:
                message = say(
                    '"{column}" has levels that training did not have ({levels}); what they mean is unknown.',
                    column=levels.column,
                    levels=shortened(found),
                )
                notes.append(Note("warning", message, levels.column))
        return notes

    def state(self) -> dict[str, Any]:
        levels = [
            {"column": levels.column, "seen": self._seen[levels.column].to_json(), **levels.state()}
            for levels in self._levels
        ]
        return {"numbers": self._numbers.state(), "dates": self._dates.state(), "categories": levels}

    def load(self, state: dict[str, Any]) -> None:
        self._numbers.load(state["numbers"])
        self._dates.load(state["dates"])
        self._levels, self._seen, self._spec = [], {}, None
        for saved in state["categories"]:
            levels: LevelEncoding = LEVELS.get(self.options.categories)(saved["column"], self.options)
            levels.load({name: value for name, value in saved.items() if name not in ("column", "seen")})
            self._seen[levels.column] = Seen.from_json(saved.get("seen"))
            self._levels.append(levels)


def _labels(table: Table, name: str, rows: NDArray[np.int64]) -> Iterator[NDArray[np.object_]]:
    """The texts of some rows of a column, a piece at a time."""
    alone = replace(table, columns={name: column(table, name)})
    for start in range(0, len(rows), PIECE_ROWS):
        yield texts(alone.take(rows[start : start + PIECE_ROWS]), name)


def _remark_notes(remarks: dict[str, list[str]]) -> list[Note]:
    """A note for each thing to say of columns of categories, with all columns that it holds for."""
    return [
        Note(
            "info",
            say(
                "{columns} ({names}) has {remark}." if len(names) == 1 else "{columns} ({names}) have {remark}.",
                columns=opening(len(names), "column"),
                names=shortened(names),
                remark=remark,
            ),
            names[0] if len(names) == 1 else None,
        )
        for remark, names in remarks.items()
        if remark
    ]
