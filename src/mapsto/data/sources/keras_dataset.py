"""Datasets of Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mapsto.data.sources._items import rows_of, table_of_items
from mapsto.data.sources.base import Source
from mapsto.errors import DataError

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

_NAMES = ("PyDataset", "Sequence")


class KerasDataset(Source):
    """A `keras.utils.PyDataset` (once called `Sequence`), whose entries are batches `(x, y)`; weights are not read.

    Keras is not imported: such an object is told by the name of its class.
    """

    reads: ClassVar[str] = "PyDataset of Keras"
    priority: ClassVar[int] = 3

    def accepts(self, source: Any) -> bool:
        modules = ("keras.", "tf_keras.", "tensorflow.")
        return any(c.__name__ in _NAMES and c.__module__.startswith(modules) for c in type(source).__mro__)

    def read(self, source: Any, options: DataOptions, *, target_needed: bool) -> Table:
        count = getattr(source, "num_batches", None)
        count = len(source) if count is None else count
        if not isinstance(count, int):
            raise DataError(f"{type(source).__name__} never ends. Give it a length (`__len__`).")
        batches = (source[place] for place in range(count))
        return table_of_items(
            rows_of(batches), name=type(source).__name__, options=options, target_needed=target_needed
        )
