"""Targets of several labels a row: joined in one column by a separator, lists, or a column of 0 and 1 for each label.

Lists, and columns of 0 and 1 that `data.target` names together ("rain,wind,fog"), become one column of joined labels
when the table is made, so that everything after knows one form alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto.data import cells
from mapsto.data.table import Column
from mapsto.errors import DataError
from mapsto.recipe.family import did_you_mean

SEPARATORS = ("|", ";", ",")
"""Signs that labels are looked for with, the least doubtful first."""

JOINED = ","
"""What stands between the labels of columns of 0 and 1, whose names `data.target` separates by it as well."""

YES, NO = frozenset({"1", "1.0", "true", "yes"}), frozenset({"0", "0.0", "false", "no"})

_SAMPLE = 20_000
_JOINED_SHARE = 0.2  # of the values hold the separator, at least
_OTHER_COUNT = 0.05  # of the values have another number of labels than most, at least
_RECURRENCE = 5  # rows that a label has in the mean, at least
_LONGEST = 60  # characters of a label
_MOST = 1000  # labels


def parts_of(text: str, separator: str) -> tuple[str, ...]:
    """The labels of one cell, each once, without blanks around them.

    Example:
        >>> parts_of("rain| fog |rain|", "|")
        ('rain', 'fog')
    """
    return tuple(dict.fromkeys(part for part in map(str.strip, text.split(separator)) if part))


def sure_separator(values: NDArray[np.object_]) -> str | None:
    """What joins the labels of such cells; None where they may as well be plain classes or texts.

    Many cells must hold the sign, in cells of unlike numbers of parts, no part twice in one cell; and the parts must
    recur, in more combinations than there are parts ("Austin, TX" has more names than combinations).

    Args:
        values: text, and None for what is missing.
    """
    present = values[~np.asarray(pd.isna(values), dtype=np.bool_)]
    present = present[:: max(1, len(present) // _SAMPLE)]
    if not len(present) or not all(isinstance(value, str) for value in present):
        return None
    counts = Counter(present.tolist())
    sure = [separator for separator in SEPARATORS if _is_sure(counts, separator)]
    return sure[0] if len(sure) == 1 else None


def likely_separator(values: NDArray[np.object_]) -> str | None:
    """The sign that joins labels where it is known that there are some: the first that stands in any cell."""
    present = [value for value in pd.unique(values) if isinstance(value, str)]
    return next((separator for separator in SEPARATORS if any(separator in value for value in present)), None)


def _is_sure(counts: Counter[str], separator: str) -> bool:
    total = counts.total()
    if sum(number for value, number in counts.items() if separator in value) < _JOINED_SHARE * total:
        return False
    rows: Counter[str] = Counter()
    lengths: Counter[int] = Counter()
    sets = set()
    for value, number in counts.items():
        pieces = [piece.strip() for piece in value.split(separator)]
        parts = parts_of(value, separator)
        if len(parts) < len(pieces) or max(map(len, parts)) > _LONGEST:
            return False
        rows.update(dict.fromkeys(parts, number))
        lengths[len(parts)] += number
        sets.add(frozenset(parts))
        if len(rows) > _MOST:
            return False
    recurs = rows.total() >= _RECURRENCE * len(rows)
    return recurs and len(sets) > len(rows) and total - max(lengths.values()) >= _OTHER_COUNT * total


def flag_names(target: str | None, names: Sequence[str]) -> tuple[str, ...]:
    """The columns of 0 and 1 that a target names together; none where it names one column, or nothing that is there.

    Example:
        >>> flag_names("rain, fog", ["day", "rain", "fog"])
        ('rain', 'fog')
    """
    if target is None or JOINED not in target or target in names:
        return ()
    parts = parts_of(target, JOINED)
    return parts if len(parts) > 1 and set(parts) <= set(names) else ()


def missing_flag(target: str, names: Sequence[str]) -> str:
    """Which of several columns is not there, in words; nothing where one name was given."""
    parts = parts_of(target, JOINED)
    lost = [part for part in parts if part not in names]
    if len(parts) < 2 or len(lost) == len(parts):
        return ""
    return f' Of the columns that it names, "{lost[0]}" is not there.{did_you_mean(lost[0], names)}'


def joined_flags(frame: pd.DataFrame, flags: Sequence[str], target: str, where: str) -> Column:
    """Columns of 0 and 1 as one column of joined labels: "" where all are 0, None where one of them is missing.

    Args:
        frame: with these columns.
        flags: their names.
        target: what the column is called.
        where: name of the table.

    Raises:
        DataError: a column holds something else.
    """
    labels = np.full(len(frame), "", dtype=object)
    gone = np.zeros(len(frame), dtype=np.bool_)
    for flag in flags:
        values = cells.to_words(cells.read(frame[flag]).values)
        codes, found = pd.factorize(values)
        words = [str(word).casefold() for word in found]
        strange = next((str(word) for word, plain in zip(found, words, strict=True) if plain not in YES | NO), None)
        if strange is not None:
            raise DataError(
                f'The target "{target}" of {where} names several columns, which must hold 0 and 1 (or yes and no), '
                f'and "{flag}" holds "{strange}". Name one column, or columns of 0 and 1.'
            )
        has = np.asarray([*(word in YES for word in words), False], dtype=np.bool_)[codes]
        gone |= codes < 0
        labels[has] = [f"{label}{JOINED}{flag}" if label else flag for label in labels[has]]
    labels[gone] = None
    return Column(target, "category", labels, inferred=False, label_separator=JOINED)


def joined_lists(series: pd.Series[Any], stated: str | None, where: str) -> Column | None:
    """A target that holds a list of labels a row as one column of joined labels; None where it holds no lists.

    Args:
        series: the target.
        stated: what the labels are joined by, as the user says; "|" without.
        where: name of the table.

    Raises:
        DataError: a label holds what labels are joined by.
    """
    if series.dtype != object:
        return None
    values = series.to_list()
    if not any(map(_is_list, values)) or not all(_is_list(value) or pd.isna(value) for value in values):
        return None
    separator = stated or SEPARATORS[0]
    labels = np.full(len(series), "", dtype=object)
    for row, value in enumerate(values):
        parts = [str(part) for part in value] if _is_list(value) else []
        wrong = next((part for part in parts if separator in part), None)
        if wrong is not None:
            raise DataError(
                f'The target "{series.name}" of {where} holds lists of labels, and the label "{wrong}" holds '
                f'"{separator}", by which mapsto joins them. Name another sign: `--set data.label_separator=";"`.'
            )
        labels[row] = separator.join(sorted(parts) if isinstance(value, set) else parts)
    return Column(str(series.name), "category", labels, label_separator=separator)


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple, set, np.ndarray))
