"""One number a row of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mapsto.tasks._tables import DATA_DEFAULTS, feature_columns, table_defaults, table_space
from mapsto.tasks.base import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from mapsto.data.encoders.base import Encoder, Spec
    from mapsto.data.prepare import Facts
    from mapsto.data.table import Table
    from mapsto.recipe.ranges import Range


class TabularRegression(Task):
    """Numbers and categories to a number, by a dense network on the standardized target.

    What of the target it answers is the loss's matter: the mean by `mse`, the median by `mae`, a
    quantile by `quantile`, a rate by `poisson`.

    Example:
        >>> TabularRegression().metrics[0]
        'rmse'
    """

    title: ClassVar[str] = "tabular regression"
    streams: ClassVar[Mapping[str, str]] = {"inputs": "features", "targets": "values"}
    models: ClassVar[tuple[str, ...]] = ("mlp", "tabm", "realmlp")
    losses: ClassVar[tuple[str, ...]] = ("mse", "mae", "huber", "quantile", "poisson")
    data_defaults: ClassVar[Mapping[str, Any]] = DATA_DEFAULTS
    metrics: ClassVar[tuple[str, ...]] = ("rmse", "mae", "r2")

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

    def raw(self, outputs: Tensor) -> Tensor:
        return outputs.squeeze(1)

    def predict(self, outputs: Tensor) -> Tensor:
        return self.linked(outputs)

    def measured(self, predictions: NDArray[Any], targets: Encoder) -> NDArray[Any]:
        return predictions if self._bound()[0].own_unit else targets.decode(predictions)

    def truth(self, encoded: NDArray[Any], targets: Encoder) -> NDArray[Any]:
        return targets.decode(encoded)

    def answers(self, predictions: NDArray[Any], targets: Encoder) -> dict[str, NDArray[Any]]:
        return {"answer": predictions}

    def shown_truth(self, targets: NDArray[Any], encoder: Encoder) -> list[str]:
        return [f"{target:.6g}" for target in targets]

    def badness(self, predictions: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(np.abs(predictions - targets), dtype=np.float64)
