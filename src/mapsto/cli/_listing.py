"""A list of records as a table on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text


def show(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints records that have the same keys, one a row; true and false are marks."""
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for key in rows[0]:
        table.add_column(str(key).replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    console.print(Padding(table, (1, 2)))


def _cell(value: Any) -> Text:
    if value is True:
        return Text("✓", style="green")
    if value is False:
        return Text("✗", style="red")
    if isinstance(value, int):
        return Text(f"{value:,}", justify="right")
    return Text("–" if value is None else str(value))
