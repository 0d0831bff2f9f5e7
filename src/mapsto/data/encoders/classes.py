"""A column of classes to class ids."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data.encoders._columns import counted, natural_order, opening, pieces, places_of, shortened, texts
from mapsto.data.encoders.base import Encoder, Spec
from mapsto.data.table import Note, Table
from mapsto.errors import DataError


class Classes(Encoder):
    """Class names to int64 ids of shape `(rows,)`: 0 for the first name in sorted order (by number for numbers).

    A missing class, and one that no training row has, is encoded as -1; `prepare` leaves such rows out.

    Example: a column `["no", "yes", "no"]` becomes `[0, 1, 0]`, and `decode` turns it back.
    """

    kinds: ClassVar[tuple[str, ...]] = ("category", "numeric")

    names: tuple[str, ...] = ()

    def fit(self, table: Table, rows: NDArray[np.int64]) -> list[Note]:
        counts = Counter[str]()
        for part in pieces(table, self.columns[0], rows):
            counts.update(label for label in part if label is not None)
        self.names = tuple(natural_order(list(counts)))
        if len(self.names) < 2:
            raise DataError(
                f'The target "{self.columns[0]}" of {table.name} has {counted(len(self.names), "class", "classes")} '
                f"in the {counted(len(rows), 'training row')}{self._listed()}; at least 2 are needed to learn a "
                f"difference. Check the column, or add rows of another class."
            )
        rare = [name for name in self.names if counts[name] < 2]
        if not rare:
            return []
        message = say(
            "{classes} only one training row: {names}. A network can hardly learn them.",
            classes=opening(len(rare), "class has", "classes have"),
            names=shortened(rare),
        )
        return [Note("warning", message, self.columns[0])]

    def _listed(self) -> str:
        return f" ({', '.join(self.names)})" if self.names else ""

    def encode(self, table: Table) -> NDArray[Any]:
        return self._ids(texts(table, self.columns[0]))

    def _ids(self, labels: NDArray[np.object_]) -> NDArray[np.int64]:
        return places_of(labels, self.names)

    def unusable(self, table: Table) -> NDArray[np.bool_]:
        parts = pieces(table, self.columns[0])
        found = [self._ids(part) < 0 if self.names else np.asarray(pd.isna(part), dtype=np.bool_) for part in parts]
        return np.concatenate(found) if found else np.zeros(0, dtype=np.bool_)

    def strata(self, table: Table) -> NDArray[np.int64]:
        known: dict[str, int] = {}
        places: NDArray[Any] = np.full(len(table), -1, dtype=np.int32)
        end = 0
        for part in pieces(table, self.columns[0]):
            codes, unique = pd.factorize(part)
            place = np.array([*(known.setdefault(name, len(known)) for name in unique), -1], dtype=np.int32)
            places[end : end + len(part)] = place[codes]
            end += len(part)
        # Sorted, so that the split depends on the rows' classes alone.
        rank = np.empty(len(known) + 1, dtype=np.int32)
        rank[[known[name] for name in sorted(known)]] = np.arange(len(known))
        rank[-1] = -1
        np.take(rank, places, out=places, mode="wrap")
        return places

    @property
    def spec(self) -> Spec:
        return Spec(encoder="classes", shape=(), dtype="int64", names=self.names)

    def state(self) -> dict[str, Any]:
        return {"names": list(self.names)}

    def load(self, state: dict[str, Any]) -> None:
        self.names = tuple(state["names"])

    def decode(self, encoded: NDArray[Any]) -> NDArray[Any]:
        """Class ids to class names (object array); -1 has no name and becomes None."""
        return np.asarray([*self.names, None], dtype=object).take(encoded)
