"""Where the names of a sheet's columns stand: below titles, or in two rows of which the upper one groups the lower."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mapsto._messages import counted, listing, say
from mapsto.data.table import Note

ROWS = 30
"""Rows from which the header is told."""

Merged = list[tuple[int, int, int, int]]
"""Merged cells: first and last row, first and last column, counted from 0."""


@dataclass(frozen=True)
class Header:
    """Where the names are.

    Attributes:
        first: the row of the names, counted from 0.
        count: rows that they take.
        names: of the columns; None where they are the first row, which pandas reads.
        title: what stands above.
    """

    first: int = 0
    count: int = 1
    names: tuple[str, ...] | None = None
    title: str = ""

    def notes(self, name: str) -> list[Note]:
        """What was noticed in the workbook of this name."""
        notes = []
        if self.first:
            message = say(
                '{name} has {rows} above the header ("{title}"), which are not read.',
                name=name,
                rows=counted(self.first, "row"),
                title=self.title,
            )
            notes.append(Note("info", message))
        if self.count == 2:
            message = say(
                "The names in {name} are in two rows, and are joined ({shown}).",
                name=name,
                shown=listing([*(f'"{column}"' for column in (self.names or ())[:3]), "..."]),
            )
            notes.append(Note("info", message))
        return notes


def header_of(rows: pd.DataFrame, merged: Callable[[], Merged]) -> Header:
    """Where the header is, which is the first row unless something else is beyond doubt.

    Args:
        rows: the first ones of the sheet, without names.
        merged: asked where names may be in two rows.
    """
    grid: list[list[Any]] = [[None if pd.isna(cell) else cell for cell in row] for row in rows.to_numpy().tolist()]
    filled = [sum(cell is not None for cell in row) for row in grid]
    first = next((place for place, count in enumerate(filled) if count > 1), 0)
    if first:
        above = grid[:first]
        is_title = all(row[0] is None or isinstance(row[0], str) for row in above) and any(row[0] for row in above)
        if not is_title or any(cell is not None for row in above for cell in row[1:]):
            return Header()
    title = next((str(row[0]).strip() for row in grid[:first] if row[0]), "")
    if _is_header(grid, first):
        return Header(first, 1, _plain(grid[first]), title) if first else Header()
    groups = _groups(grid, first, merged) if _is_header(grid, first + 1) else None
    if groups is None:
        return Header()
    joined = [f"{group} {name}".strip() for group, name in zip(groups, _plain(grid[first + 1]), strict=True)]
    return Header(first, 2, tuple(joined), title) if len(set(joined)) == len(joined) else Header()


def _plain(cells: list[Any]) -> tuple[str, ...]:
    return tuple(str(cell).strip() for cell in cells)


def _is_header(grid: list[list[Any]], place: int) -> bool:
    """Whether a row has a text in every column, and rows that are not all text below."""
    if place + 1 >= len(grid) or not all(isinstance(cell, str) and cell.strip() for cell in grid[place]):
        return False
    below = grid[place + 1 :]
    return any(cell is not None and not isinstance(cell, str) for row in below for cell in row)


def _groups(grid: list[list[Any]], place: int, merged: Callable[[], Merged]) -> list[str] | None:
    """The upper name of each column, "" for none; None where merged cells do not tell it."""
    row = grid[place]
    if all(cell is not None for cell in row) or not all(cell is None or isinstance(cell, str) for cell in row):
        return None
    groups = [str(cell or "").strip() for cell in row]
    spans = [span for span in merged() if span[0] == span[1] == place]
    for _, _, start, end in spans:
        groups[start : end + 1] = [groups[start]] * (end + 1 - start)
    return groups if spans else None
