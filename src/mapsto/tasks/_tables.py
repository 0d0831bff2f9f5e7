"""What the tasks on tables share: which columns they read, and how a dense network is set for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mapsto.errors import DataError
from mapsto.recipe.ranges import Choice, Int, Log, Range, Uniform
from mapsto.tasks._classification import target_of

if TYPE_CHECKING:
    from mapsto.data.prepare import Facts
    from mapsto.data.table import Table


def feature_columns(table: Table, task: str) -> dict[str, tuple[str, ...]]:
    """Columns of numbers, categories and dates as inputs.

    Raises:
        DataError: there is none.
    """
    features = tuple(column.name for column in table.of_kind("numeric", "category", "date"))
    if not features:
        raise DataError(
            f"{task} needs at least one column of numbers, categories or dates beside the target, and {table.name} has "
            f"none. Add one, or state kinds with `--set data.columns.<name>=category`."
        )
    return {"inputs": features, "targets": target_of(table)}


DATA_DEFAULTS: Mapping[str, Any] = {"data.scale": "quantile"}
"""Numbers of tables have tails, and heaps of one value: ranks are indifferent to both."""

MANY_ROWS = 10_000
"""From so many rows on, one network learns as much as several members, in a small part of their time."""


def table_defaults(facts: Facts) -> dict[str, Any]:
    """TabM for small tables, for large ones one network with periodic numbers; batch and length by the rows."""
    rows = facts.part_counts["train"]
    if rows < MANY_ROWS:
        network = {
            "model.name": "tabm",
            "model.num_members": 8,
            "model.hidden_dim": 128,
            "optimizer.learning_rate": 2e-3,
            "optimizer.weight_decay": 3e-4,
        }
    else:
        network = {"model.name": "mlp", "model.normalization": "batch", "optimizer.learning_rate": 1e-2}
    return {
        **network,
        "model.numeric_embedding": "periodic",
        "model.dropout": 0.1,
        "optimizer.name": "adamw",
        "schedule.name": "one_cycle",
        "training.batch_size": 32 if rows < 2_000 else 128 if rows < 20_000 else 256,
        "training.max_epochs": max(20, min(60, round(1_000_000 / rows))),
        "training.patience": 12,
    }


def table_space() -> dict[str, Range]:
    """What decides most on tables: step size, size of the network, regularization."""
    return {
        "optimizer.learning_rate": Log(5e-4, 2e-2),
        "optimizer.weight_decay": Log(1e-5, 1e-1),
        "model.hidden_dim": Int(32, 512, log=True),
        "model.num_layers": Int(1, 4),
        "model.dropout": Uniform(0.0, 0.5),
        "model.activation": Choice("relu", "silu", "gelu"),
    }
