"""Columns of dates to features: the year as a number, and what comes around as points on a circle."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapsto.data import dates
from mapsto.data.encoders._columns import column
from mapsto.data.table import Order, Table

_LOG = logging.getLogger("mapsto")
_PARTS: dict[str, Callable[[NDArray[np.datetime64]], NDArray[np.float64]]] = {
    "month": lambda moments: _since(moments, "Y", "M") / 12.0,
    "day of month": lambda moments: _since(moments, "M", "D") / 31.0,
    # 1970 began on a Thursday; Monday is 0.
    "weekday": lambda moments: (moments.astype("datetime64[D]").astype(np.int64) + 3) % 7 / 7.0,
    "hour": lambda moments: _since(moments, "D", "us") / 86_400e6,
}
"""Share of its circle that each part has gone, in [0, 1)."""


class Dates:
    """Sine and cosine of month, day of month, weekday and time of day of columns of dates, where training has several.

    So December stands beside January, and 23:00 beside midnight. A missing date is the middle of the circle, (0, 0).
    """

    def __init__(self) -> None:
        self._parts: dict[str, list[str]] = {}
        self._orders: dict[str, Order] = {}

    def fit(self, table: Table, columns: list[str], rows: NDArray[np.int64]) -> None:
        """Learns from the given rows which parts there are."""
        self._parts, self._orders = {}, {}
        for name in columns:
            self._orders[name] = table.columns[name].date_order
            moments = self.moments(table, name)[rows]
            moments = moments[~np.isnat(moments)]
            shares = {part: share(moments) for part, share in _PARTS.items()}
            self._parts[name] = [part for part, share in shares.items() if len(share) and share.min() < share.max()]

    def moments(self, table: Table, name: str, *, say: bool = False) -> NDArray[np.datetime64]:
        """The dates of a column, datetime64[ns] with NaT; text is read as that of training was.

        Args:
            table: of rows to learn from, or to predict from.
            name: of the column.
            say: whether the log tells of text that cannot be read so.
        """
        values = column(table, name).values
        if values.dtype.kind == "M":
            return values
        order = self._orders.get(name, "unknown")
        found = dates.read(values, order, least=0.0) if values.dtype == object else None
        if found is None:
            return np.full(len(values), np.datetime64("NaT", "ns"))
        if say and found.strange:
            shown = ", ".join(f'"{text}"' for text in found.strange[:5]) + (", ..." if len(found.strange) > 5 else "")
            how = {"day_first": " with the day first", "month_first": " with the month first"}.get(order, "")
            _LOG.warning('"%s" is read as dates%s, as in training; %s is none and is missing.', name, how, shown)
        return found.values

    def years(self, table: Table, name: str) -> NDArray[np.float64]:
        """The year with the share of it that is gone, NaN for missing: 1 July 2024 is 2024.5."""
        moments = self.moments(table, name)
        years = moments.astype("datetime64[Y]")
        length = (years + 1).astype("datetime64[us]") - years.astype("datetime64[us]")
        gone = moments.astype("datetime64[us]") - years.astype("datetime64[us]")
        with np.errstate(invalid="ignore"):
            found = years.astype(np.int64) + 1970 + gone.astype(np.int64) / np.maximum(length.astype(np.int64), 1)
        return np.where(np.isnat(moments), np.nan, found)

    def has(self, name: str) -> bool:
        """Whether it is a column of dates."""
        return name in self._orders

    @property
    def used_columns(self) -> list[str]:
        """The columns of which a part is a feature."""
        return [name for name, parts in self._parts.items() if parts]

    def features(self) -> list[str]:
        """Name of each feature."""
        return [
            f"{c} {part} {wave}" for c, parts in self._parts.items() for part in parts for wave in ("sine", "cosine")
        ]

    def put(self, matrix: NDArray[np.float32], first: int, table: Table) -> int:
        """Writes the features from place `first` on; returns the place behind them."""
        for name, parts in self._parts.items():
            moments = self.moments(table, name, say=True)
            there = np.flatnonzero(~np.isnat(moments))
            for part in parts:
                angle = 2 * np.pi * _PARTS[part](moments[there])
                matrix[there, first] = np.sin(angle)
                matrix[there, first + 1] = np.cos(angle)
                first += 2
        return first

    def state(self) -> dict[str, Any]:
        """What was learned, as values that JSON holds exactly."""
        return {"parts": self._parts, "orders": self._orders}

    def load(self, state: dict[str, Any]) -> None:
        """Takes what `state` gave, instead of `fit`."""
        self._parts = {name: list(parts) for name, parts in state["parts"].items()}
        self._orders = dict(state["orders"])


def _since(moments: NDArray[np.datetime64], start: str, unit: str) -> NDArray[np.float64]:
    """Units since the start of the year, month or day."""
    begun = moments.astype(f"datetime64[{start}]").astype(f"datetime64[{unit}]")
    return np.asarray((moments.astype(f"datetime64[{unit}]") - begun).astype(np.int64), dtype=np.float64)
