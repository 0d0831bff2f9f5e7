"""One class a row of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto.tasks._classification import Classification, has_classes
from mapsto.tasks._tables import DATA_DEFAULTS, feature_columns, table_defaults, table_space

if TYPE_CHECKING:
    from mapsto.data.prepare import Facts
    from mapsto.data.table import Table
    from mapsto.recipe.ranges import Range


class TabularClassification(Classification):
    """Numbers and categories to exclusive classes, by a dense network.

    Example:
        >>> TabularClassification().models
        ('mlp', 'tabm', 'realmlp')
    """

    title: ClassVar[str] = "tabular classification"
    streams: ClassVar[Mapping[str, str]] = {"inputs": "features", "targets": "classes"}
    data_defaults: ClassVar[Mapping[str, Any]] = DATA_DEFAULTS
    models: ClassVar[tuple[str, ...]] = ("mlp", "tabm", "realmlp")

    @classmethod
    def suits(cls, table: Table) -> float:
        return 0.5 if table.of_kind("numeric", "category", "date") and has_classes(table) else 0.0

    def columns(self, table: Table) -> dict[str, tuple[str, ...]]:
        return feature_columns(table, self.title)

    def defaults(self, facts: Facts) -> dict[str, Any]:
        return table_defaults(facts)

    def space(self, facts: Facts) -> dict[str, Range]:
        return table_space()
