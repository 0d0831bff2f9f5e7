"""Which task suits a table, where the user named none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapsto.errors import DataError
from mapsto.recipe.families import TASKS

if TYPE_CHECKING:
    from mapsto.data.table import Table


def choose(table: Table) -> str:
    """The name of the task that suits best.

    Raises:
        DataError: none suits.
    """
    suits = {name: TASKS.get(name).suits(table) for name in TASKS.names()}
    best = max(suits, key=lambda name: suits[name])
    if suits[best] > 0:
        return best
    kinds = ", ".join(f"{column.name} ({column.kind})" for column in list(table.columns.values())[:12])
    raise DataError(
        f"No task suits {table.name} with the target {table.target!r}: its columns are {kinds}. State the kinds with "
        f"`--set data.columns.<name>=<kind>`, another target with `--target`, or a task with `--task`: "
        f"{', '.join(suits)}."
    )
