"""A column of joined labels to one flag a label."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data.encoders._columns import column, counted, natural_order, opening, shortened, texts
from mapsto.data.encoders.base import Encoder, Spec
from mapsto.data.labels import JOINED, likely_separator, parts_of
from mapsto.data.table import Note, Table
from mapsto.errors import DataError

MOST = 10_000
"""Labels; more are no labels."""

STRATA = 100
"""Labels, the rarest that can be in two parts, by which rows are divided; of frequent ones chance does it."""


class Labels(Encoder):
    """Joined labels to uint8 flags of shape `(rows, labels)`, 1 for each that a row has; names in sorted order.

    What joins them is `data.label_separator`, or what the table told, or the first of `|`, `;` and `,` that is there;
    without any, a cell is one label. An empty cell is a row without labels. Columns of 0 and 1 come joined (see
    `mapsto.data.labels`); where one of them is missing the row is left out, as are rows with a label that no training
    row has.

    Example: a column `["rain|fog", "", "rain"]` becomes `[[1, 1], [0, 0], [0, 1]]`, of the labels fog and rain.
    """

    kinds: ClassVar[tuple[str, ...]] = ("category", "text")

    names: tuple[str, ...] = ()
    separator: str | None = None

    def fit(self, table: Table, rows: NDArray[np.int64]) -> list[Note]:
        cells = self._cells(table)[rows]
        self.separator = self._separator(table, cells)
        counts: Counter[str] = Counter()
        for cell, number in pd.Series(cells, dtype=object).value_counts().items():
            counts.update(dict.fromkeys(self._parts(str(cell)), int(number)))
        self.names = tuple(natural_order(list(counts)))
        self.__dict__.pop("_places", None)
        self._check(table, len(rows))
        return self._notes(table, cells, counts)

    def _check(self, table: Table, num_rows: int) -> None:
        target = f'The target "{self.columns[0]}" of {table.name} has {counted(len(self.names), "label")}'
        if len(self.names) < 2:
            raise DataError(
                f"{target} in the {counted(num_rows, 'training row')}; at least 2 are needed. For one class a row "
                f"choose another task with `--task`; what joins labels can be said by `data.label_separator`."
            )
        if len(self.names) > MOST:
            raise DataError(
                f"{target}, more than {MOST:,}. Choose another column with `--target`, or say by "
                f"`data.label_separator` what joins them."
            )

    def _notes(self, table: Table, cells: NDArray[np.object_], counts: Counter[str]) -> list[Note]:
        notes = []
        name = self.columns[0]
        empty = int((cells == "").sum())
        if empty and not self._has_flags:
            message = say(
                '{rows} of {total:,} in training without a label in "{name}", which is taken as having none. Leave out '
                "rows of which the labels are not known.",
                rows=opening(empty, "row"),
                total=len(cells),
                name=name,
            )
            notes.append(Note("warning", message, name))
        if self.separator is None:
            message = say('No cell of "{name}" holds more than one label (`data.label_separator`).', name=name)
            notes.append(Note("warning", message, name))
        rare = [label for label in self.names if counts[label] < 2]
        if rare:
            message = say(
                "{labels} only one training row: {names}. A network can hardly learn them.",
                labels=opening(len(rare), "label has", "labels have"),
                names=shortened(rare),
            )
            notes.append(Note("warning", message, name))
        return notes

    def _separator(self, table: Table, cells: NDArray[np.object_]) -> str | None:
        stated = column(table, self.columns[0]).label_separator
        return self.options.label_separator or stated or likely_separator(cells)

    @property
    def _has_flags(self) -> bool:
        """Whether the labels are columns of 0 and 1, where a missing cell is unknown."""
        return self.columns[0] == self.options.target and JOINED in self.columns[0]

    def _cells(self, table: Table) -> NDArray[np.object_]:
        """Joined labels, "" where there is none; None where they are not known."""
        cells = texts(table, self.columns[0])
        if not self._has_flags:
            cells[np.asarray(pd.isna(cells), dtype=np.bool_)] = ""
        return cells

    def _parts(self, cell: str) -> tuple[str, ...]:
        if self.separator is None:
            return (cell.strip(),) if cell.strip() else ()
        return parts_of(cell, self.separator)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def encode(self, table: Table) -> NDArray[Any]:
        codes, unique = pd.factorize(self._cells(table))
        flags = np.zeros((len(unique) + 1, len(self.names)), dtype=np.uint8)  # the last is for -1, what is missing
        for row, cell in enumerate(unique):
            flags[row, [self._places[part] for part in self._parts(str(cell)) if part in self._places]] = 1
        return flags[codes]

    def unusable(self, table: Table) -> NDArray[np.bool_]:
        codes, unique = pd.factorize(self._cells(table))
        strange = [bool(self.names) and any(part not in self._places for part in self._parts(str(c))) for c in unique]
        return np.asarray([*strange, True], dtype=np.bool_)[codes]

    def strata(self, table: Table) -> NDArray[np.int64]:
        cells = self._cells(table)
        self.separator = self._separator(table, cells)
        codes, unique = pd.factorize(cells)
        counts: Counter[str] = Counter()
        held = [self._parts(str(cell)) for cell in unique]
        for parts, number in zip(held, np.bincount(codes, minlength=len(unique)).tolist(), strict=True):
            counts.update(dict.fromkeys(parts, number))
        # Sorted, so that the split depends on the rows' labels alone.
        rarest = sorted((label for label in counts if counts[label] > 1), key=lambda label: (counts[label], label))
        places = {label: place for place, label in enumerate(rarest[:STRATA])}
        flags = np.zeros((len(unique), max(1, len(places))), dtype=np.int64)
        for row, parts in enumerate(held):
            flags[row, [places[part] for part in parts if part in places]] = 1
        return flags[codes]

    @property
    def spec(self) -> Spec:
        return Spec(encoder="labels", shape=(len(self.names),), dtype="uint8", names=self.names)

    def state(self) -> dict[str, Any]:
        return {"names": list(self.names), "separator": self.separator}

    def load(self, state: dict[str, Any]) -> None:
        self.names, self.separator = tuple(state["names"]), state["separator"]
        self.__dict__.pop("_places", None)

    def decode(self, encoded: NDArray[Any]) -> NDArray[Any]:
        """Flags to joined labels (object array); no label is ""."""
        joined = np.empty(len(encoded), dtype=object)
        joined[:] = [self.joined(row) for row in encoded]
        return joined

    def joined(self, flags: NDArray[Any]) -> str:
        """The labels of one row, joined as in training."""
        return (self.separator or "|").join(self.names[place] for place in np.flatnonzero(flags))
