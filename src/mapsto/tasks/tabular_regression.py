"""One number a row of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from mapsto._imports import torch
from mapsto.tasks._tables import feature_columns, table_defaults, table_space
from mapsto.tasks.base import Batch, Task

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from mapsto.data.encoders.base import Encoder, Spec
    from mapsto.data.prepare import Facts
    from mapsto.data.table import Table
    from mapsto.recipe.ranges import Range


class TabularRegression(Task):
    """Numbers and categories to a number, by a dense network on the standardized target.

    `huber_delta` bounds the pull of outliers: errors beyond it, in standard deviations of the target, count linearly
    (Huber 1964); without it the loss is the mean squared error.

    Example:
        >>> TabularRegression().metrics[0]
        'rmse'
    """

    title: ClassVar[str] = "tabular regression"
    streams: ClassVar[Mapping[str, str]] = {"inputs": "features", "targets": "values"}
    models: ClassVar[tuple[str, ...]] = ("mlp",)
    metrics: ClassVar[tuple[str, ...]] = ("rmse", "mae", "r2")

    huber_delta: float | None = Field(None, gt=0, description="errors beyond it count linearly; null: squared error")

    @classmethod
    def suits(cls, table: Table) -> float:
        is_number = table.target is not None and table.columns[table.target].kind == "numeric"
        return 0.5 if is_number and table.of_kind("numeric", "category", "date") else 0.0

    def columns(self, table: Table) -> dict[str, tuple[str, ...]]:
        return feature_columns(table, self.title)

    def defaults(self, facts: Facts) -> dict[str, Any]:
        return table_defaults(facts)

    def space(self, facts: Facts) -> dict[str, Range]:
        return table_space()

    def num_outputs(self, specs: Mapping[str, Spec]) -> int:
        return 1

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        values = outputs.squeeze(1)
        if self.huber_delta is None:
            return torch.nn.functional.mse_loss(values, batch["targets"])
        return torch.nn.functional.huber_loss(values, batch["targets"], delta=self.huber_delta)

    def predict(self, outputs: Tensor) -> Tensor:
        return outputs.squeeze(1)

    def measured(self, predictions: NDArray[Any], targets: Encoder) -> NDArray[Any]:
        return targets.decode(predictions)

    def truth(self, encoded: NDArray[Any], targets: Encoder) -> NDArray[Any]:
        return targets.decode(encoded)

    def answers(self, predictions: NDArray[Any], targets: Encoder) -> dict[str, NDArray[Any]]:
        return {"answer": predictions}

    def shown_truth(self, targets: NDArray[Any], encoder: Encoder) -> list[str]:
        return [f"{target:.6g}" for target in targets]

    def badness(self, predictions: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(np.abs(predictions - targets), dtype=np.float64)
