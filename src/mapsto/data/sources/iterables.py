"""Any iterable of items: generators, and objects that can be iterated over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto.data.sources._items import table_of_items
from mapsto.data.sources.base import Source

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions


class Iterables(Source):
    """A generator, or another iterable without a length, of pairs `(x, y)`, of dicts, or of inputs alone.

    It is read once, in its order.
    """

    reads: ClassVar[str] = "generators and other iterables of (x, y) or of dicts"
    priority: ClassVar[int] = 1

    def accepts(self, source: Any) -> bool:
        if isinstance(source, (str, Path)) or hasattr(source, "to_pandas") or hasattr(source, "collect"):
            return False
        return isinstance(source, Iterator) or (isinstance(source, Iterable) and not hasattr(source, "__len__"))

    def read(self, source: Any, options: DataOptions, *, target_needed: bool) -> Table:
        return table_of_items(source, name="data", options=options, target_needed=target_needed)
