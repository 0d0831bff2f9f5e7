"""Data sets of Hugging Face's package `datasets`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto._messages import listing, say
from mapsto.data.given_parts import PART_WORDS
from mapsto.data.sources._items import table_of_items
from mapsto.data.sources.base import Source
from mapsto.data.table import Note
from mapsto.errors import DataError

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions


class HuggingFace(Source):
    """A `Dataset`, or a `DatasetDict` whose splits become the parts; also the iterable ones.

    Classes are called by their names, and images are decoded. Splits that are no part (`"unsupervised"`) are left out.
    """

    reads: ClassVar[str] = "data sets of Hugging Face"
    priority: ClassVar[int] = 2

    def accepts(self, source: Any) -> bool:
        package = sys.modules.get("datasets")  # whoever has one of them has imported it
        names = ("Dataset", "DatasetDict", "IterableDataset", "IterableDatasetDict")
        kinds = tuple(getattr(package, name) for name in names if hasattr(package, name))
        return bool(kinds) and isinstance(source, kinds)

    def read(self, source: Any, options: DataOptions, *, target_needed: bool) -> Table:
        splits: dict[str, Any] = dict(source) if isinstance(source, Mapping) else {"": source}
        known = {word: part for word, part in splits.items() if word == "" or word.casefold() in PART_WORDS}
        if not known:
            raise DataError(
                f"None of the splits is a part: {', '.join(splits)}. Call them train, validation and test, or give one."
            )
        left = sorted(splits.keys() - known.keys())
        message = say(
            "The splits {names} are not used: a part is called train, validation or test.", names=listing(left)
        )
        parts: list[str] = []  # how many items an iterable set has is known at its end
        return table_of_items(
            _items(known, parts),
            name=str(getattr(next(iter(known.values())).info, "dataset_name", None) or "data"),
            options=options,
            target_needed=target_needed,
            given_parts=None if "" in known else parts,
            notes=[Note("info", message)] if left else [],
        )


def _items(splits: Mapping[str, Any], parts: list[str]) -> Iterator[Mapping[str, Any]]:
    """The rows of all splits, classes by their names; `parts` is filled with the part of each."""
    for word, split in splits.items():
        names = {key: feature.names for key, feature in (split.features or {}).items() if hasattr(feature, "names")}
        for row in split.with_format(None):
            parts.append(PART_WORDS.get(word.casefold(), "train"))
            yield {**row, **{key: _class(row[key], names[key]) for key in names}}


def _class(value: Any, names: list[str]) -> Any:
    """A class's name; -1, which hidden classes of test splits have, is missing."""
    is_known = isinstance(value, int) and 0 <= value < len(names)
    return names[value] if is_known else None
