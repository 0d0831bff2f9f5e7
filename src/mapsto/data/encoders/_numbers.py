"""Columns of numbers to features: outliers, missing values, scale, bins, learned for thousands of columns at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data.cleaning.imputers.base import Imputer
from mapsto.data.cleaning.learned import Learned, from_json, is_finite, joined, some, to_json
from mapsto.data.cleaning.outliers.base import OutlierTreatment
from mapsto.data.cleaning.scalers.base import Scaler
from mapsto.data.encoders._bins import bin_edges, spread
from mapsto.data.encoders._columns import counted, opening, share, shortened
from mapsto.data.table import Note
from mapsto.recipe.families import IMPUTERS, OUTLIERS, SCALERS
from mapsto.recipe.schema import DataOptions

BLOCK = 1 << 22
"""Numbers that are worked on at a time: 32 MiB in float64, whatever the size of the table."""

LARGEST = float(np.finfo(np.float32).max)

Read = Callable[[str], NDArray[np.float64]]
"""All rows of a column as float64 of shape `(rows,)`, by its name."""

T = TypeVar("T")


@dataclass
class _Facts:
    """What was learned about some columns of numbers; all but the first three have entries for used columns alone."""

    names: list[str] = field(default_factory=list)
    used: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    indicator: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    bounds: Learned = field(default_factory=dict)
    fills: Learned = field(default_factory=dict)
    scales: Learned = field(default_factory=dict)
    edges: list[NDArray[np.float64]] = field(default_factory=list)

    def widths(self) -> NDArray[np.int64]:
        """How many features each column has, its indicator left out."""
        widths = self.used.astype(np.int64)
        if self.edges:
            widths[self.used] = [len(edges) - 1 for edges in self.edges]
        return widths

    def part(self, columns: slice) -> _Facts:
        """The facts about some columns that follow one another."""
        first = int(self.used[: columns.start].sum())
        own = slice(first, first + int(self.used[columns].sum()))
        bounds, fills, scales = (some(one, own) for one in (self.bounds, self.fills, self.scales))
        names, used, indicator = self.names[columns], self.used[columns], self.indicator[columns]
        return _Facts(names, used, indicator, bounds, fills, scales, self.edges[own])


class Numbers:
    """What is known of columns of numbers, and how they become features.

    A number is first held within the bounds of `data.outliers`, then replaced where it is missing or infinite
    (`data.missing`), then scaled (`data.scale`), then perhaps spread over bins (`data.numbers`). All statistics are of
    the values that training rows have, in float64.
    """

    def __init__(self, options: DataOptions) -> None:
        self.options = options
        self._outliers: OutlierTreatment = OUTLIERS.get(options.outliers)(options)
        self._imputer: Imputer = IMPUTERS.get(options.missing)(options)
        self._scaler: Scaler = SCALERS.get(options.scale)(options)
        self._facts = _Facts()
        self.too_large: list[str] = []  # columns that differ, by more than float64 can scale

    # -------------------------------------------------------------------------------------------- learning

    def fit(self, read: Read, columns: Sequence[str], rows: NDArray[np.int64]) -> list[Note]:
        """Learns from the given rows of these columns; constant ones are forgotten."""
        notes: list[Note] = []
        kept: list[_Facts] = []
        incomplete: list[tuple[str, float]] = []
        self.too_large = []
        self._scaler.num_columns = max(1, len(columns))
        for names in blocks(columns, len(rows)):
            values = np.column_stack([read(name)[rows] for name in names])
            gone = ~np.isfinite(values)
            if gone.any():
                notes += _infinite_notes(values, names)
                np.copyto(values, np.nan, where=gone)
            partly = gone.any(axis=0) & ~gone.all(axis=0)
            incomplete += [(names[place], float(gone[:, place].mean())) for place in np.flatnonzero(partly).tolist()]
            indicator = np.asarray(partly & self.options.missing_indicator, dtype=np.bool_)
            kept.append(self._learned(values, names, indicator))
        self._facts = _together(kept)
        told = [f"{name} {share(part, 1)}" for name, part in incomplete]
        sampled = self._fit_imputer(read, rows)
        return notes + (self._missing_note(told, incomplete[0][0], sampled) if told else [])

    def _learned(self, values: NDArray[np.float64], names: Sequence[str], indicator: NDArray[np.bool_]) -> _Facts:
        """The facts about a block of columns; NaN is missing."""
        with np.errstate(all="ignore"):
            used = _varies(values)
            chosen = values[:, used]
            bounds = self._outliers.learn(chosen) if used.any() else {}
            chosen = self._outliers.apply(chosen, bounds)
            fills = self._imputer.learn(chosen) if used.any() and not self._imputer.joint else {}
            scales = self._scaler.learn(chosen) if used.any() else {}
        # A range that float64 cannot hold has no finite scale; such a column is left out like a constant one.
        usable = is_finite(scales, chosen.shape[1])
        if "factor" in scales:
            usable &= scales["factor"] > 0
        beyond = np.flatnonzero(used)[~usable]
        self.too_large += [names[one] for one in beyond.tolist()]
        used[beyond] = False
        scales = some(scales, usable)
        edges: list[NDArray[np.float64]] = []
        if self.options.numbers == "piecewise_linear":
            edges = bin_edges(self._scaler.apply(chosen[:, usable], scales), self.options.bins)
        place = np.flatnonzero(used | indicator)
        return _Facts(
            [names[one] for one in place.tolist()],
            used[place],
            indicator[place],
            some(bounds, usable),
            some(fills, usable),
            scales,
            edges,
        )

    def _fit_imputer(self, read: Read, rows: NDArray[np.int64]) -> int:
        """Fits an imputer that looks at all columns at once; returns how many rows it saw, 0 if it saw all."""
        facts = self._facts
        if not self._imputer.joint or not facts.used.any():
            return 0
        wanted = self._imputer.sample(int(facts.used.sum())) or len(rows)
        some_rows = rows
        if wanted < len(rows):
            some_rows = np.sort(np.random.Generator(np.random.PCG64(0)).choice(rows, wanted, replace=False))
        names = [name for name, used in zip(facts.names, facts.used, strict=True) if used]
        values = _finite(np.column_stack([read(name)[some_rows] for name in names]))
        with np.errstate(all="ignore"):
            facts.fills = self._imputer.learn(self._outliers.apply(values, facts.bounds))
        return wanted if wanted < len(rows) else 0

    def _missing_note(self, listed: list[str], first: str, sampled: int) -> list[Note]:
        message = say(
            "Missing numbers in {columns} ({listed}) are replaced by {value}{sample}{more}.",
            columns=counted(len(listed), "column"),
            listed=shortened(listed),
            value=self._imputer.says,
            sample=say(" (of a sample of {rows:,} of them)", rows=sampled) if sampled else "",
            more=say("; a further feature tells which were missing") if self.options.missing_indicator else "",
        )
        return [Note("info", message, first if len(listed) == 1 else None)]

    def outlying(self, read: Read, columns: Sequence[str], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the training rows shall not be learned from (`data.outliers`)."""
        found = np.zeros(len(rows), dtype=np.bool_)
        for names in blocks(columns, len(rows)):
            values = _finite(np.column_stack([read(name)[rows] for name in names]))
            with np.errstate(all="ignore"):
                some_rows = self._outliers.outlying(values[:, _varies(values)])
            if some_rows is None:
                break
            found |= some_rows
        return found

    # -------------------------------------------------------------------------------------------- encoding

    @property
    def used_columns(self) -> list[str]:
        """The columns whose numbers are features."""
        return [name for name, used in zip(self._facts.names, self._facts.used, strict=True) if used]

    def features(self, label: Callable[[str], str]) -> list[tuple[str, bool]]:
        """Name of each feature, and whether it is a flag (0 or 1) instead of a number."""
        found: list[tuple[str, bool]] = []
        facts = self._facts
        for name, width, indicator in zip(facts.names, facts.widths(), facts.indicator, strict=True):
            bins = [f"{label(name)} bin {place + 1}" for place in range(width)] if facts.edges else [label(name)]
            found += [(feature, False) for feature in bins[:width]]
            found += [(f"{name} missing", True)] * bool(indicator)
        return found

    def put(self, matrix: NDArray[np.float32], read: Read) -> int:
        """Writes the features of all rows into the first columns of a matrix; returns how many they are."""
        first, facts, count = 0, self._facts, len(self._facts.names)
        size = max(1, count) if self._imputer.joint else max(1, BLOCK // max(1, len(matrix)))
        for start in range(0, count, size):
            first = self._put_block(matrix, first, read, facts.part(slice(start, min(count, start + size))))
        return first

    def _put_block(self, matrix: NDArray[np.float32], first: int, read: Read, facts: _Facts) -> int:
        values = np.column_stack([read(name) for name in facts.names])
        gone = ~np.isfinite(values)
        widths = facts.widths()
        ends = first + np.cumsum(widths + facts.indicator)
        if gone.any():
            matrix[:, (ends - 1)[facts.indicator]] = gone[:, facts.indicator]
            np.copyto(values, np.nan, where=gone)
        if facts.used.any():
            starts = (ends - widths - facts.indicator)[facts.used]
            self._put_used(matrix, starts, values if facts.used.all() else values[:, facts.used], facts)
        return int(ends[-1])

    def _put_used(
        self, matrix: NDArray[np.float32], starts: NDArray[np.int64], values: NDArray[np.float64], facts: _Facts
    ) -> None:
        with np.errstate(over="ignore"):
            values = self._outliers.apply(values, facts.bounds)
            self._imputer.apply(values, facts.fills)
            values = self._scaler.apply(values, facts.scales)
        if not facts.edges:
            matrix[:, starts] = np.clip(values, -LARGEST, LARGEST, out=values)
        for place, edges in enumerate(facts.edges):
            bins = np.clip(spread(values[:, place], edges), -LARGEST, LARGEST)
            matrix[:, starts[place] : starts[place] + len(edges) - 1] = bins

    # -------------------------------------------------------------------------------------------- state

    def state(self) -> dict[str, Any]:
        """What was learned, as values that JSON holds exactly."""
        facts = self._facts
        learned = {name: to_json(getattr(facts, name)) for name in ("bounds", "fills", "scales")}
        edges = [one.tolist() for one in facts.edges]
        flags = {"used": facts.used.tolist(), "indicator": facts.indicator.tolist()}
        return {"names": facts.names, **flags, **learned, "edges": edges}

    def load(self, state: dict[str, Any]) -> None:
        """Takes what `state` gave, instead of `fit`."""
        self._facts = _Facts(
            list(state["names"]),
            np.asarray(state["used"], dtype=np.bool_),
            np.asarray(state["indicator"], dtype=np.bool_),
            from_json(state["bounds"]),
            from_json(state["fills"]),
            from_json(state["scales"]),
            [np.asarray(one, dtype=np.float64) for one in state["edges"]],
        )


def blocks(items: Sequence[T], rows: int) -> list[Sequence[T]]:
    """Parts of `items` that make at most `BLOCK` numbers each."""
    size = max(1, BLOCK // max(1, rows))
    return [items[start : start + size] for start in range(0, len(items), size)]


def _together(parts: list[_Facts]) -> _Facts:
    """The facts about blocks that follow one another, as one."""
    if not parts:
        return _Facts()
    told = [part for part in parts if part.used.any()]
    return _Facts(
        [name for part in parts for name in part.names],
        np.concatenate([part.used for part in parts]),
        np.concatenate([part.indicator for part in parts]),
        joined([part.bounds for part in told]),
        joined([part.fills for part in told]),
        joined([part.scales for part in told]),
        [edges for part in parts for edges in part.edges],
    )


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values with NaN for infinity, in place."""
    values[np.isinf(values)] = np.nan
    return values


def _varies(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which columns have two different values, NaN left out."""
    low, high = np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)
    return np.asarray(low < high)


def _infinite_notes(values: NDArray[np.float64], names: Sequence[str]) -> list[Note]:
    counts = np.isinf(values).sum(axis=0)
    found = [name for name, count in zip(names, counts, strict=True) if count]
    if not found:
        return []
    message = say(
        "{values} in training ({listed}); treated as missing.",
        values=opening(int(counts.sum()), "infinite value"),
        listed=shortened(found),
    )
    return [Note("warning", message, found[0] if len(found) == 1 else None)]
