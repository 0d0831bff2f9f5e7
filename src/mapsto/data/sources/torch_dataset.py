"""Datasets and loaders of PyTorch."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto.data.sources._items import rows_of, table_of_items
from mapsto.data.sources.base import Source
from mapsto.errors import DataError

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions


class TorchDataset(Source):
    """A `torch.utils.data.Dataset`, with items or iterable, or a `DataLoader`, of pairs `(x, y)` or dicts.

    Of a loader that collates as PyTorch does by itself, the dataset is read, item by item and whole, so that neither
    shuffling nor `drop_last` matters. A loader that collates otherwise is read batch by batch, the last one too, and
    must not shuffle. One that draws a part of the rows, or some of them twice, is refused.
    """

    reads: ClassVar[str] = "datasets and loaders of PyTorch"
    priority: ClassVar[int] = 2

    def accepts(self, source: Any) -> bool:
        data = getattr(sys.modules.get("torch"), "utils", None)  # whoever has one of them has imported it
        return data is not None and isinstance(source, (data.data.Dataset, data.data.DataLoader))

    def read(self, source: Any, options: DataOptions, *, target_needed: bool) -> Table:
        from torch.utils.data import DataLoader  # imported by whoever made the source

        dataset = source.dataset if isinstance(source, DataLoader) else source
        classes = getattr(dataset, "classes", None)
        return table_of_items(
            _of_loader(source) if isinstance(source, DataLoader) else _of_dataset(source),
            name=type(dataset).__name__,
            options=options,
            target_needed=target_needed,
            classes=list(map(str, classes)) if isinstance(classes, (list, tuple)) else None,
        )


def _of_dataset(dataset: Any) -> Iterable[Any]:
    """Every item, in order."""
    from torch.utils.data import IterableDataset

    if isinstance(dataset, IterableDataset):
        return dataset
    try:
        count = len(dataset)
    except TypeError as error:
        raise DataError(f"{type(dataset).__name__} has no length. Give it `__len__`, or iterate over it.") from error
    return (dataset[place] for place in range(count))


def _of_loader(loader: Any) -> Iterable[Any]:
    from torch.utils.data import DataLoader, IterableDataset, RandomSampler, SequentialSampler, default_collate

    is_iterable = isinstance(loader.dataset, IterableDataset)
    plain = (RandomSampler, SequentialSampler)
    # A loader that draws with replacement, or a part of the rows, has other rows than its dataset.
    is_whole = loader.batch_size is not None and type(loader.sampler) in plain and not is_iterable
    is_whole = is_whole and not getattr(loader.sampler, "replacement", False)
    is_whole = is_whole and len(loader.sampler) == len(loader.dataset)
    if loader.collate_fn is default_collate and (is_whole or is_iterable):
        return _of_dataset(loader.dataset)
    if type(loader.sampler) is not SequentialSampler and not is_iterable:
        raise DataError(
            "The loader gives its rows in another order each time, or not all of them, and puts them together in its "
            "own way. Give the dataset itself, or a loader with shuffle=False and without a sampler."
        )
    if loader.batch_size is None:
        items: Iterable[Any] = loader
        return items
    if loader.drop_last:  # which would silently leave rows out
        whole = {"num_workers": loader.num_workers, "collate_fn": loader.collate_fn}
        loader = DataLoader(loader.dataset, batch_size=loader.batch_size, **whole)
    return rows_of(loader)
