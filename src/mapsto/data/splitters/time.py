"""Rows by time: the oldest are trained on, the newest tested with, and what lies in the gap between is not used."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import Message, listing, say
from mapsto.data.encoders._columns import column, counted, opening, texts
from mapsto.data.splitters.base import Rows, Splitter
from mapsto.data.table import PART_NAMES, Note, Table
from mapsto.errors import DataError
from mapsto.recipe.budget import parse_duration
from mapsto.recipe.schema import DataOptions

MOSTLY = 0.95
"""A column is a time if at least this share of its values can be read as one."""


class Time(Splitter):
    """The past is trained on and the future predicted, as in use.

    Rows of the same time are never in two parts. `data.gap` keeps parts apart where what is measured reaches over
    time: so many rows, or so long a time, of the older part are not used.

    With folds, the rows before the test part are cut into `num_folds + 1` blocks of equal length. Fold 0 validates on
    the newest block, fold 1 on the one before, and so on; each trains on all that is older (expanding windows).
    """

    needs: ClassVar[tuple[str, ...]] = ("time_column",)
    takes: ClassVar[tuple[str, ...]] = ("gap",)

    def __init__(self, table: Table, strata: Rows | None, options: DataOptions, bits: np.random.BitGenerator) -> None:
        super().__init__(table, strata, options, bits)
        self.times, self.is_date = _times(table, str(options.time_column))
        if isinstance(options.gap, str) and not self.is_date:
            raise DataError(
                f'"{options.time_column}" (`data.time_column`) of {table.name} holds numbers, so `data.gap` must be a '
                f'number of rows. Received: "{options.gap}".'
            )

    def placeable(self) -> NDArray[np.bool_]:
        return np.isfinite(self.times)

    def hold_out(self, rows: Rows, total: int, keep: int) -> tuple[Rows, Rows]:
        order = self._ordered(rows)
        cuts = self._cuts(order, keep + 1, "to have one in each part")
        cut = _nearest(cuts[keep - 1 :], len(order) - total)
        return order[cut:], self._before(order, cut)

    def folds(self, rows: Rows, num_folds: int) -> list[tuple[Rows, Rows]]:
        order = self._ordered(rows)
        cuts = self._cuts(order, num_folds + 1, f"for `data.num_folds: {num_folds}`")
        ends, found = [len(order)], []
        for fold in range(num_folds):
            older = num_folds - 1 - fold  # blocks that folds after this one still need
            possible = cuts[older : np.searchsorted(cuts, ends[-1])]
            ends.append(_nearest(possible, round(len(order) * (older + 1) / (num_folds + 1))))
            found.append((self._before(order, ends[-1]), order[ends[-1] : ends[-2]]))
        return found

    def notes(self, parts: dict[str, Rows]) -> list[Note]:
        name = self.options.time_column
        spans = listing(
            say("{part} {span}", part=PART_NAMES[part], span=self._span(rows)) for part, rows in parts.items()
        )
        notes = [Note("info", say('Parts by "{name}", the oldest rows first: {spans}.', name=name, spans=spans), name)]
        lost = int((~self.placeable()).sum())
        if lost:
            message = say('{rows} without a time in "{name}" left out.', rows=opening(lost, "row"), name=name)
            notes.append(Note("warning", message, name))
        return notes

    def _span(self, rows: Rows) -> Message:
        ends = self.times[rows].min(), self.times[rows].max()
        first, last = (str(pd.Timestamp(int(end))) if self.is_date else f"{end:g}" for end in ends)
        return say("{first} to {last}", first=first, last=last)

    def _ordered(self, rows: Rows) -> Rows:
        return rows[np.argsort(self.times[rows], kind="stable")]

    def _cuts(self, order: Rows, least: int, purpose: str) -> Rows:
        """The places between two different times."""
        cuts = np.flatnonzero(np.diff(self.times[order])) + 1
        if len(cuts) + 1 < least:
            raise DataError(
                f'"{self.options.time_column}" (`data.time_column`) has {counted(len(cuts) + 1, "different time")} in '
                f"the rows of {self.table.name} that are to be divided; at least {least} are needed {purpose}."
            )
        return np.asarray(cuts, dtype=np.int64)

    def _before(self, order: Rows, cut: int) -> Rows:
        """The rows before a cut that keep the gap."""
        gap = self.options.gap
        if isinstance(gap, str):
            first = self.times[order[cut]] - parse_duration(gap, "`data.gap`") * 1e9
            kept = order[:cut][self.times[order[:cut]] <= first]
        else:
            kept = order[: max(0, cut - gap)]
        if not len(kept):
            raise DataError(
                f"`data.gap: {gap}` leaves no row of {self.table.name} before "
                f"{self._span(order[cut : cut + 1]).split(' to ')[0]} to train on. Take a smaller gap, or fewer folds."
            )
        return np.asarray(kept, dtype=np.int64)


def _nearest(cuts: Rows, wanted: int) -> int:
    """The cut that is nearest to a place; of two equally near, the earlier."""
    return int(cuts[np.argmin(np.abs(cuts - wanted))])


def _times(table: Table, name: str) -> tuple[NDArray[np.float64], bool]:
    """Times as numbers, NaN where there is none, and whether they are dates (nanoseconds) or plain numbers."""
    values = column(table, name).values
    if values.dtype.kind in "fiub":
        return np.where(np.isfinite(values), values, np.nan).astype(np.float64), False
    if values.dtype.kind == "M":
        return _nanoseconds(pd.Series(values)), True
    words = pd.Series(texts(table, name), dtype=object)
    there = max(1, int(words.notna().sum()))
    numbers = pd.to_numeric(words, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isfinite(numbers).sum() >= MOSTLY * there:
        return np.where(np.isfinite(numbers), numbers, np.nan), False
    dates = pd.to_datetime(words, errors="coerce", format="ISO8601", utc=True)
    if dates.notna().sum() < MOSTLY * there:
        strange = words[words.notna() & dates.isna()].iloc[0]
        raise DataError(
            f'"{name}" (`data.time_column`) of {table.name} cannot be read as times: "{str(strange)[:80]}". Write '
            f'dates as "2024-03-31" or "2024-03-31T12:00", or give numbers.'
        )
    return _nanoseconds(dates.dt.tz_localize(None)), True


def _nanoseconds(dates: pd.Series[pd.Timestamp]) -> NDArray[np.float64]:
    # A float holds a nanosecond of today to within a quarter of a microsecond.
    whole = dates.astype("datetime64[ns]").to_numpy()
    return np.where(np.isnat(whole), np.nan, whole.astype(np.int64).astype(np.float64))
