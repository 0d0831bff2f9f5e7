"""One class a row of arrays, by the user's own network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto.recipe.family import OWN
from mapsto.tasks._arrays import array_columns, array_defaults, array_space
from mapsto.tasks._classification import Classification, has_classes

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mapsto.data.prepare import Facts
    from mapsto.data.table import Table
    from mapsto.recipe.ranges import Range
    from mapsto.tasks.base import Batch


class ArrayClassification(Classification):
    """Arrays as they are to exclusive classes, by a network of the user's own.

    Example:
        >>> ArrayClassification().models
        ('own',)
    """

    title: ClassVar[str] = "classification of arrays"
    streams: ClassVar[Mapping[str, str]] = {"inputs": "array", "targets": "classes"}
    models: ClassVar[tuple[str, ...]] = (OWN,)

    @classmethod
    def suits(cls, table: Table) -> float:
        return 0.9 if table.of_kind("array") and has_classes(table) else 0.0

    def columns(self, table: Table) -> dict[str, tuple[str, ...]]:
        return array_columns(table, self.title)

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        return network(batch)  # type: ignore[no-any-return]

    def defaults(self, facts: Facts) -> dict[str, Any]:
        return array_defaults(facts)

    def space(self, facts: Facts) -> dict[str, Range]:
        return dict(array_space())
