"""What every task with one class a row shares, whatever its inputs are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mapsto.errors import DataError
from mapsto.tasks.base import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from mapsto.data.encoders.base import Encoder, Spec
    from mapsto.data.table import Table


class Classification(Task):
    """Exclusive classes: one output a class (two for yes or no)."""

    losses: ClassVar[tuple[str, ...]] = ("cross_entropy", "binary", "focal", "asymmetric", "contrastive", "triplet")
    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "balanced_accuracy", "f1", "log_loss", "roc_auc")

    can_balance: ClassVar[bool] = True

    def num_outputs(self, specs: Mapping[str, Spec]) -> int:
        return len(specs["targets"].names)

    def predict(self, outputs: Tensor) -> Tensor:
        return self.linked(outputs)

    def answers(self, predictions: NDArray[Any], targets: Encoder) -> dict[str, NDArray[Any]]:
        names = targets.spec.names
        columns = {f"p({name})": predictions[:, index] for index, name in enumerate(names)}
        return {"answer": np.asarray(names, dtype=object)[predictions.argmax(axis=1)], **columns}

    def shown_truth(self, targets: NDArray[Any], encoder: Encoder) -> list[str]:
        return [str(encoder.spec.names[target]) for target in targets]

    def badness(self, predictions: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        chosen = predictions[np.arange(len(targets)), targets]
        return np.asarray(1.0 - chosen, dtype=np.float64)


def has_classes(table: Table) -> bool:
    """Whether the table's target is a column of classes."""
    return table.target is not None and table.columns[table.target].kind == "category"


def target_of(table: Table) -> tuple[str, ...]:
    """The target as the only column of a stream; none at prediction time."""
    return () if table.target is None else (table.target,)


def only(table: Table, kind: str, task: str) -> tuple[str, ...]:
    """The one input column of a kind; of several, the first.

    Raises:
        DataError: there is none.
    """
    columns = [column.name for column in table.columns.values() if column.kind == kind and column.name != table.target]
    if not columns:
        kinds = ", ".join(f"{c.name} ({c.kind})" for c in list(table.columns.values())[:8])
        raise DataError(
            f"{task} needs a column of kind {kind}, and {table.name} has none: {kinds}. Name one with "
            f"`--set data.columns.<name>={kind}`, or choose another task with `--task`."
        )
    return tuple(columns[:1])
