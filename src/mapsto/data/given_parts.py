"""The part that each row belongs to, where a column says it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import listing, say
from mapsto.data import cells
from mapsto.data.column_names import listed, nearest
from mapsto.data.table import PART_NAMES, PARTS, Note, Part
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

PART_WORDS: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
"""What people call the parts, in lower case."""

SPLIT_NAMES = ("split", "part", "subset")


def parts_in(
    frame: pd.DataFrame, target: str | None, where: str, options: DataOptions, needed: bool
) -> tuple[str | None, NDArray[np.str_] | None]:
    """The column that says which part a row belongs to, and what it says."""
    named = options.split_column
    if named is not None:
        if named in frame:
            return named, stated_parts(frame[named], named, where) if needed else None
        if needed:
            near = nearest(named, list(frame.columns))
            raise DataError(f'{where} has no column "{named}" (`data.split_column`).{near}')
        return None, None
    for name in frame.columns:
        if name.casefold() in SPLIT_NAMES and name != target and options.columns.get(name, "ignore") == "ignore":
            words = cells.read(frame[name]).values
            if words.dtype == object and all(str(word).casefold() in PART_WORDS for word in pd.unique(words)):
                return name, _as_parts(words)
    return None, None


def stated_parts(series: pd.Series[Any], name: str, where: str) -> NDArray[np.str_]:
    """The parts of a column that the user named; where it is empty, the row may go to any part."""
    words = cells.to_words(cells.read(series).values)
    strange = [word for word in pd.unique(words) if not pd.isna(word) and str(word).casefold() not in PART_WORDS]
    if strange:
        raise DataError(
            f'Column "{name}" of {where} (`data.split_column`) holds {listed(strange, 5)}, but a part is called one '
            f"of {', '.join(PART_WORDS)}. Rename the values, or choose another column."
        )
    return _as_parts(words)


def _as_parts(words: NDArray[Any]) -> NDArray[np.str_]:
    codes, unique = pd.factorize(words)
    return np.array([*(PART_WORDS[str(word).casefold()] for word in unique), ""])[codes]


def part_notes(split: str | None, parts: NDArray[np.str_] | None) -> list[Note]:
    """How many rows each part has, and who says so; nothing where parts are not given."""
    if parts is None:
        return []
    counts = listing(
        say("{part} {number:,}", part=PART_NAMES[part], number=int((parts == part).sum())) for part in PARTS
    )
    source = say("the source") if split is None else say('column "{name}"', name=split)
    return [Note("info", say("The parts are those of {source}: {counts} rows.", source=source, counts=counts), split)]
