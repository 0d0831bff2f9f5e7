"""One number a row of arrays, by the user's own network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mapsto.recipe.family import OWN
from mapsto.tasks._arrays import array_columns, array_defaults, array_space
from mapsto.tasks.base import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from mapsto.data.encoders.base import Encoder, Spec
    from mapsto.data.prepare import Facts
    from mapsto.data.table import Table
    from mapsto.recipe.ranges import Range
    from mapsto.tasks.base import Batch


class ArrayRegression(Task):
    """Arrays as they are to a number in its own unit, which nothing standardizes, by a network of the user's own.

    Example:
        >>> ArrayRegression().metrics[0]
        'rmse'
    """

    title: ClassVar[str] = "regression on arrays"
    streams: ClassVar[Mapping[str, str]] = {"inputs": "array", "targets": "array"}
    models: ClassVar[tuple[str, ...]] = (OWN,)
    losses: ClassVar[tuple[str, ...]] = ("mse", "mae", "huber")
    metrics: ClassVar[tuple[str, ...]] = ("rmse", "mae", "r2")

    @classmethod
    def suits(cls, table: Table) -> float:
        is_number = table.target is not None and table.columns[table.target].kind == "numeric"
        return 0.9 if is_number and table.of_kind("array") else 0.0

    def columns(self, table: Table) -> dict[str, tuple[str, ...]]:
        return array_columns(table, self.title)

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        return network(batch)  # type: ignore[no-any-return]

    def defaults(self, facts: Facts) -> dict[str, Any]:
        return array_defaults(facts)

    def space(self, facts: Facts) -> dict[str, Range]:
        return dict(array_space())

    def num_outputs(self, specs: Mapping[str, Spec]) -> int:
        return 1

    def raw(self, outputs: Tensor) -> Tensor:
        return outputs.squeeze(1)

    def predict(self, outputs: Tensor) -> Tensor:
        return self.linked(outputs)

    def answers(self, predictions: NDArray[Any], targets: Encoder) -> dict[str, NDArray[Any]]:
        return {"answer": predictions}

    def shown_truth(self, targets: NDArray[Any], encoder: Encoder) -> list[str]:
        return [f"{target:.6g}" for target in targets]

    def badness(self, predictions: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(np.abs(predictions - targets), dtype=np.float64)
