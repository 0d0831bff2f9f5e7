"""What every task with several labels a row shares, whatever its inputs are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mapsto.metrics._labels import THRESHOLD
from mapsto.tasks._classification import Classification

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from mapsto.data.encoders.base import Encoder, Spec
    from mapsto.data.prepare import Facts
    from mapsto.data.table import Table
    from mapsto.recipe.ranges import Range

PREFERENCE = 0.05
"""By so much it suits better than one class a row, where a target holds several labels beyond doubt."""


class Multilabel(Classification):
    """Any number of labels a row: one output a label, each a yes-or-no question of its own.

    It stands before the classification task of the same inputs, whose columns, models and settings it takes.
    """

    losses: ClassVar[tuple[str, ...]] = ("binary", "asymmetric", "focal")
    metrics: ClassVar[tuple[str, ...]] = ("mean_average_precision", "f1", "micro_f1", "subset_accuracy")

    can_balance: ClassVar[bool] = False

    @classmethod
    def suits(cls, table: Table) -> float:
        target = None if table.target is None else table.columns[table.target]
        if target is None or target.label_separator is None:
            return 0.0
        classes = replace(table, columns={**table.columns, target.name: replace(target, kind="category")})
        suited = super().suits(classes)
        return suited + PREFERENCE if suited else 0.0

    def space(self, facts: Facts) -> dict[str, Range]:
        # Not the abstract one: the inputs' own task comes next in every subclass.
        inherited = super().space(facts)  # type: ignore[safe-super]
        return {leaf: found for leaf, found in inherited.items() if not leaf.startswith("loss.")}

    def num_outputs(self, specs: Mapping[str, Spec]) -> int:
        return len(specs["targets"].names)

    def predict(self, outputs: Tensor) -> Tensor:
        return self.linked(outputs)

    def answers(self, predictions: NDArray[Any], targets: Encoder) -> dict[str, NDArray[Any]]:
        columns = {f"p({name})": predictions[:, place] for place, name in enumerate(targets.spec.names)}
        return {"answer": targets.decode(predictions >= THRESHOLD), **columns}

    def shown_truth(self, targets: NDArray[Any], encoder: Encoder) -> list[str]:
        return [str(joined) for joined in encoder.decode(targets)]

    def badness(self, predictions: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(np.abs(predictions - targets).sum(axis=1), dtype=np.float64)
