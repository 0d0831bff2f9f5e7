"""What the tasks on arrays share: they are read as they are, by the user's own network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mapsto.data.own_arrays import FURTHER_TARGET
from mapsto.errors import DataError
from mapsto.recipe.family import OWN
from mapsto.recipe.ranges import Choice, Log, Range
from mapsto.tasks._classification import target_of

if TYPE_CHECKING:
    from mapsto.data.prepare import Facts
    from mapsto.data.table import Table


def array_columns(table: Table, task: str) -> dict[str, tuple[str, ...]]:
    """The first array as `inputs`, each further one as `inputs.<name>`, and the target; further targets as they are.

    Raises:
        DataError: there is no array.
    """
    arrays = [column.name for column in table.of_kind("array")]
    names = [name for name in arrays if not name.startswith(FURTHER_TARGET)]
    targets = {name: (name,) for name in arrays if name.startswith(FURTHER_TARGET)}
    if not names:
        raise DataError(f"{task} reads arrays for a network of your own, and {table.name} has none.")
    further = {f"inputs.{name}": (name,) for name in names[1:]}
    return {"inputs": (names[0],), **further, "targets": target_of(table), **(targets if table.target else {})}


def array_defaults(facts: Facts) -> dict[str, Any]:
    """Values for what trains the user's own network, where nothing else is said."""
    rows = facts.part_counts["train"]
    return {
        "model.name": OWN,
        "optimizer.name": "adamw",
        "optimizer.learning_rate": 1e-3,
        "schedule.name": "one_cycle",
        "training.batch_size": 32 if rows < 10_000 else 128,
        "training.max_epochs": 30 if rows < 10_000 else 15,
        "training.patience": 8,
    }


def array_space() -> Mapping[str, Range]:
    """What is searched beside the hyperparameters of the network."""
    return {"optimizer.learning_rate": Log(1e-4, 1e-2), "optimizer.weight_decay": Choice(0.0, 1e-3, 1e-2)}
