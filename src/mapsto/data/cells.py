"""The cells of one column, brought to the few forms that a table knows.

Every way in (a CSV file, Parquet, a frame in memory) ends here, so that the same values are read the same way
whatever brought them.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, time
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto.data import dates
from mapsto.data.table import Order
from mapsto.errors import DataError

MISSING = frozenset(
    {
        "",
        "?",
        "NA",
        "N/A",
        "n/a",
        "#N/A",
        "#N/A N/A",
        "#NA",
        "<NA>",
        "NULL",
        "null",
        "None",
        "NaN",
        "nan",
        "-NaN",
        "-nan",
    }
    | {"1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN"}
)
"""What stands for a missing value in text, after blanks on both sides are cut off: "?", and what pandas knows."""

MOSTLY_NUMBERS = 0.95
"""A column of text of which at least this share are numbers, and many different ones, is a column of numbers."""

_SAMPLE = 1000
_LEADING_ZERO = re.compile(r"[+-]?0\d+(\.\d*)?$")
_LONG = re.compile(r"[+-]?\d{16,}")
_DAY = np.timedelta64(1, "D")
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")

Form = Literal["number", "date", "truth", "level", "word", "nested"]


@dataclass(frozen=True)
class Cells:
    """One column's values and what they look like.

    Attributes:
        form: `"number"`; `"date"`; `"truth"` for booleans; `"level"` for what a frame declares to be categories;
            `"word"` for other text; `"nested"` for what no network here reads (lists, bytes).
        values: float64 with NaN for missing, datetime64[ns] with NaT for missing, or object of str and None.
        remarks: what was done to read them so, in words that follow the column's name.
        doubtful: whether a person should look at it.
        order: of days and months in the text that dates were read from.
        code: a text that keeps a column which reads as numbers from being one (see `is_code`).
    """

    form: Form
    values: NDArray[Any]
    remarks: tuple[str, ...] = field(default=())
    doubtful: bool = False
    order: Order = "none"
    code: str | None = None

    @cached_property
    def missing(self) -> NDArray[np.bool_]:
        """Which rows have no value."""
        if self.values.dtype == object:
            return np.asarray(pd.isna(self.values), dtype=bool)
        return np.asarray(np.isnan(self.values))

    @cached_property
    def present(self) -> NDArray[Any]:
        """The values that are there."""
        return self.values[~self.missing]

    @cached_property
    def distinct(self) -> int:
        """How many different values there are."""
        return len(pd.unique(self.present))

    @property
    def is_constant(self) -> bool:
        """Whether every row has the same value."""
        if self.missing.any() or not len(self.values):
            return False
        if self.form == "number":  # cheaper than counting, which matters with thousands of columns
            return bool(self.values.min() == self.values.max())
        return self.distinct == 1

    @property
    def is_whole(self) -> bool:
        """Whether every value is a whole number."""
        return self.form == "number" and bool(np.all(self.present == np.floor(self.present)))

    @property
    def mean_words(self) -> float:
        """Words a value, on average; an ideograph counts as a word."""
        sample = self.present[:: max(1, len(self.present) // _SAMPLE)][:_SAMPLE]
        counts = [len(value.split()) + len(_IDEOGRAPH.findall(value)) for value in sample]
        return float(np.mean(counts)) if counts else 0.0


def read(series: pd.Series[Any], *, as_words: bool = False) -> Cells:
    """Brings a column of a frame to one of the forms.

    Args:
        series: the column.
        as_words: whether text stays text though it reads as numbers, as codes such as "01" should.

    Raises:
        DataError: it holds complex numbers.
    """
    kind = series.dtype.kind if isinstance(series.dtype, np.dtype) else getattr(series.dtype, "kind", "O")
    if isinstance(series.dtype, pd.CategoricalDtype):
        return _declared(series)
    if kind == "b":
        return Cells("truth", _mapped(series, lambda value: str(bool(value))))
    if kind in "iu" and (words := _too_long(series)) is not None:
        return words
    if kind in "iuf":
        return Cells("number", series.to_numpy(dtype=np.float64, na_value=np.nan))
    if kind in "mM":
        return _moments(series)
    if kind == "c":
        raise DataError(f'Column "{series.name}" holds complex numbers. Give real and imaginary parts as two columns.')
    return _objects(series, as_words)


def to_numbers(values: NDArray[Any]) -> tuple[NDArray[np.float64], list[str]]:
    """Text (object of str or None) as numbers, and the texts that are none; `True` and `False` are 1 and 0."""
    codes, unique = pd.factorize(values)
    plain = [{"True": "1", "False": "0"}.get(value, value) for value in unique]
    numbers = np.asarray(pd.to_numeric(pd.Series(plain, dtype=object), errors="coerce"), dtype=np.float64)
    strange = [value for value, number in zip(unique, numbers, strict=True) if math.isnan(number)]
    return np.append(numbers, np.nan)[codes], strange


def is_code(text: str) -> bool:
    """Whether digits are a name and no quantity: "007", and whole numbers that float64 cannot tell from others."""
    if _LEADING_ZERO.match(text):
        return True
    return bool(_LONG.fullmatch(text)) and not _is_exact(int(text))


def _is_exact(number: int) -> bool:
    """Whether float64 holds the whole number exactly."""
    return abs(number) <= 2**53 or (abs(number) < 2**1023 and int(float(number)) == number)


def _too_long(series: pd.Series[Any]) -> Cells | None:
    """Whole numbers as text, where float64 cannot hold all of them; else None."""
    there = series.dropna()
    if not len(there) or (int(there.max()) <= 2**53 and int(there.min()) >= -(2**53)):
        return None
    if all(_is_exact(int(number)) for number in pd.unique(there)):
        return None
    code = next(str(number) for number in map(int, there) if not _is_exact(number))
    return Cells("word", _mapped(series, lambda number: str(int(number))), code=code)


def to_words(values: NDArray[Any]) -> NDArray[Any]:
    """Numbers as text, whole ones without a point, so that 1, 1.0 and "1" are the same level."""
    if values.dtype == object:
        return values
    if values.dtype.kind == "M":
        return dates.written(values)
    return _mapped(pd.Series(values), _text)


def _text(value: Any) -> str:
    """One cell as text."""
    if isinstance(value, (float, np.floating)):
        return str(int(value)) if math.isfinite(value) and value == int(value) else repr(float(value))
    return str(value).strip()


def _mapped(series: pd.Series[Any], convert: Any) -> NDArray[Any]:
    """Applies `convert` once to each different value; missing ones, and those it makes missing, are None."""
    codes, unique = pd.factorize(series)
    looked_up = np.empty(
        len(unique) + 1, dtype=object
    )  # the last stays None; -1, the code of a missing value, finds it
    looked_up[:-1] = [convert(value) for value in unique]
    return looked_up[codes]


def _moments(series: pd.Series[Any]) -> Cells:
    """Dates, in UTC where they have a zone, and spans of time as days."""
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    is_span = series.dtype.kind == "m"
    if not is_span:
        return Cells("date", dates.in_nanoseconds(series.to_numpy()))
    days = series.to_numpy() / _DAY
    return Cells("number", days.astype(np.float64), ("is a span of time, read in days",))


def _declared(series: pd.Series[Any]) -> Cells:
    """What a frame declares to be categories."""
    words = _mapped(series.astype(object), lambda value: _level(_text(value)))
    return Cells("level", words)


def _level(text: str) -> str | None:
    return None if text in MISSING else text


def _objects(series: pd.Series[Any], as_words: bool = False) -> Cells:
    """Text, numbers kept as text, and mixtures of both."""
    try:
        codes, unique = pd.factorize(series)
    except TypeError:  # lists and dictionaries cannot be hashed
        return _nested(series)
    if any(
        not isinstance(value, (str, bool, int, float, np.generic, date, time)) and not _is_number(value)
        for value in unique
    ):
        return _nested(series)
    if len(unique) and all(isinstance(value, (bool, np.bool_)) for value in unique):
        return Cells("truth", _mapped(series, str))
    texts = [_text(value) for value in unique]
    looked_up = np.empty(len(unique) + 1, dtype=object)
    looked_up[:-1] = [_level(text) for text in texts]
    counts = np.bincount(codes + 1, minlength=len(unique) + 1)[1:]
    marks = Counter({text: 0 for text in texts if text in MISSING})
    for text, count in zip(texts, counts, strict=True):
        if text in MISSING:
            marks[text] += int(count)
    said = tuple(f"has {count:,} cells {_shown(text)}, read as missing" for text, count in marks.items())
    words = Cells("word", looked_up[codes], said)
    if as_words:
        return words
    numbers = _numbers_in_text(words.values, said)
    if numbers is None:
        return _dates_in_text(words)
    code = next((text for text in texts if is_code(text)), None)
    return numbers if code is None else replace(words, code=code)


def _is_number(value: Any) -> bool:
    """Whether it is a number of another library, such as `decimal.Decimal`."""
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return not isinstance(value, (bytes, bytearray))


def _shown(text: str) -> str:
    return f'that hold "{text}"' if text else "that are blank"


def _nested(series: pd.Series[Any]) -> Cells:
    words = np.empty(len(series), dtype=object)
    words[:] = [None if value is None else f"{type(value).__name__}" for value in series]
    return Cells("nested", words)


def _numbers_in_text(values: NDArray[Any], said: tuple[str, ...]) -> Cells | None:
    """The column as numbers, where all or nearly all of its text are numbers; else None."""
    present = values[~np.asarray(pd.isna(values), dtype=bool)]
    if not any(value[0] in "0123456789+-.iI" for value in present[:_SAMPLE]):
        return None  # saves parsing long texts: a column whose first thousand values are no numbers is none
    numbers, strange = to_numbers(values)
    if not strange:
        return Cells("number", numbers, said)
    good = numbers[~np.isnan(numbers)]
    if len(good) < MOSTLY_NUMBERS * len(present) or len(np.unique(good)) <= 20:
        return None
    shown = ", ".join(f'"{value}"' for value in strange[:5]) + (", ..." if len(strange) > 5 else "")
    count = len(present) - len(good)
    said = (*said, f"is read as numbers; {count:,} of its cells are none ({shown}) and are read as missing")
    return Cells("number", numbers, said, doubtful=True)


def _dates_in_text(words: Cells) -> Cells:
    """The column as dates, where all or nearly all of its text are dates beyond doubt; else as it is."""
    found = dates.read(words.values)
    if found is None or found.share < dates.MOSTLY or not len(words.present):
        return words
    if found.order in ("unknown", "mixed"):
        doubt = "the data do not tell" if found.order == "unknown" else "both are there"
        shown = f'holds dates such as "{words.present[0]}", but whether the day or the month comes first, {doubt}'
        return replace(words, remarks=(*words.remarks, f"{shown}; it is read as text. Write 2024-01-31"), doubtful=True)
    remarks = words.remarks
    if found.strange:
        shown = ", ".join(f'"{text}"' for text in found.strange[:5]) + (", ..." if len(found.strange) > 5 else "")
        remarks = (*remarks, f"is read as dates; some of its cells are none ({shown}) and are read as missing")
    return Cells("date", found.values, remarks, doubtful=bool(found.strange), order=found.order)
