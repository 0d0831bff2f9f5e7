"""Columns of numbers as people write them, read as the column tells that they are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import Message, listing, say
from mapsto.data.number_columns import FEW_NUMBERS, LOOKED_AT, MOSTLY_NUMBERS, Hint, Told, looks_written, tell


class Raw(NamedTuple):
    """The different values of a column of objects.

    Attributes:
        values: as they are.
        texts: the same as text; None for what stands for a missing value.
        codes: which of them each row has, -1 for none.
        counts: rows of each.
    """

    values: list[Any]
    texts: list[str | None]
    codes: NDArray[np.intp]
    counts: NDArray[np.intp]


class Written(NamedTuple):
    """A column read as numbers.

    Attributes:
        numbers: float64 a row, NaN for what is missing or none.
        told: how they are written.
        remarks: what a person should look at, in words that follow the column's name.
        is_all: whether every text is a number.
    """

    numbers: NDArray[np.float64]
    told: Told
    remarks: tuple[str, ...]
    is_all: bool


def as_people_write(raw: Raw, least: float, hint: Hint) -> Written | Told | None:
    """The column as numbers that are not plain; what keeps it from being read so; or None where it holds none.

    Args:
        raw: the column.
        least: the share of its texts that must be numbers.
        hint: asked where the column does not settle its decimal mark.
    """
    places = [p for p, (value, text) in enumerate(zip(raw.values, raw.texts, strict=True)) if _is_text(value, text)]
    texts = [str(raw.texts[place]) for place in places]
    counts = raw.counts[places]
    if not looks_written(texts[:LOOKED_AT]):
        return None
    told = tell(texts, counts.tolist(), least=least, hint=hint)
    if told is None or told.format is None:
        return told
    found = written(raw, told)
    good = ~np.isnan(found.numbers)
    missing = raw.counts.sum() - good.sum() - sum(raw.counts[p] for p, text in enumerate(raw.texts) if text is None)
    if missing > (1 - least) * counts.sum():  # a sample was told from
        return None
    is_few = least == MOSTLY_NUMBERS and not found.is_all and len(np.unique(found.numbers[good])) <= FEW_NUMBERS
    return None if is_few else found


def _is_text(value: Any, text: str | None) -> bool:
    return isinstance(value, str) and text is not None


def no_numbers(count: int, strange: Sequence[str]) -> Message:
    """Of a column of numbers, that some of its cells are none."""
    return say(
        "is read as numbers; {count:,} of its cells are none ({shown}) and are read as missing",
        count=count,
        shown=first_of(strange),
    )


def first_of(strange: Sequence[str]) -> Message:
    """The first texts, quoted."""
    return listing([*(f'"{text}"' for text in strange[:5]), *(["..."] if len(strange) > 5 else [])])


def written(raw: Raw, told: Told) -> Written:
    """The column as numbers of a known format; numbers that are no text stay what they are."""
    assert told.format is not None
    numbers = np.append(told.format.read([text or "" for text in raw.texts]), np.nan)
    for place, value in enumerate(raw.values):
        if not isinstance(value, str):
            numbers[place] = _number(value)
    remarks: tuple[str, ...] = ()
    if told.bare:
        remarks = (
            say(
                "holds percents, but {bare:,} of its cells have no percent sign and are read as they are",
                bare=told.bare,
            ),
        )
    strange = [place for place, text in enumerate(raw.texts) if text is not None and math.isnan(numbers[place])]
    if strange:
        remarks += (no_numbers(int(raw.counts[strange].sum()), [str(raw.texts[place]) for place in strange]),)
    return Written(numbers[raw.codes], told, remarks, not strange)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
