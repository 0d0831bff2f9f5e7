"""Datasets of TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mapsto.data.sources._items import table_of_items, unbatched
from mapsto.data.sources.base import Source

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions


class TensorFlowDataset(Source):
    """A `tf.data.Dataset` of pairs `(x, y)` or dicts, in batches or not; it is read once, in the order that it gives.

    TensorFlow is not imported: such an object is told by the name of its class.
    """

    reads: ClassVar[str] = "tf.data"
    priority: ClassVar[int] = 2

    def accepts(self, source: Any) -> bool:
        classes = type(source).__mro__
        return any(c.__module__.startswith("tensorflow") and c.__name__ in ("DatasetV2", "Dataset") for c in classes)

    def read(self, source: Any, options: DataOptions, *, target_needed: bool) -> Table:
        return table_of_items(
            unbatched(source.as_numpy_iterator()), name="tf.data", options=options, target_needed=target_needed
        )
