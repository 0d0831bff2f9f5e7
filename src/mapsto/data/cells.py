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

from mapsto._messages import say
from mapsto.data import dates
from mapsto.data.cell_texts import MISSING, is_code, is_exact, level_of, text_of
from mapsto.data.number_columns import FEW_NUMBERS, MOSTLY_NUMBERS, Hint, Told, may_be_thousands
from mapsto.data.number_formats import NumberFormat
from mapsto.data.table import Order
from mapsto.data.written_numbers import Raw, Written, as_people_write, first_of, no_numbers, written
from mapsto.errors import DataError

_SAMPLE = 1000
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
        told: how the numbers are written, where they are not plain.
    """

    form: Form
    values: NDArray[Any]
    remarks: tuple[str, ...] = field(default=())
    doubtful: bool = False
    order: Order = "none"
    code: str | None = None
    told: Told | None = None

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


def read(
    series: pd.Series[Any],
    *,
    as_words: bool = False,
    number_format: NumberFormat | None = None,
    least: float = MOSTLY_NUMBERS,
    hint: Hint = lambda: None,
) -> Cells:
    """Brings a column of a frame to one of the forms.

    Args:
        series: the column.
        as_words: whether text stays text though it reads as numbers, as codes such as "01" should.
        number_format: how its numbers are written, where that is known; all its text is read so.
        least: the share of its text that must be numbers as people write them.
        hint: the decimal mark of the other columns, asked where this one does not tell.

    Raises:
        DataError: it holds complex numbers.
    """
    kind = series.dtype.kind if isinstance(series.dtype, np.dtype) else getattr(series.dtype, "kind", "O")
    if isinstance(series.dtype, pd.CategoricalDtype):
        return _declared(series)
    if kind == "b":
        return Cells("truth", _mapped(series, lambda value: str(bool(value))))
    if isinstance(series.dtype, pd.PeriodDtype):
        return _moments(series.dt.to_timestamp())
    if kind in "iu" and (words := _too_long(series)) is not None:
        return words
    if kind in "iuf":
        return Cells("number", series.to_numpy(dtype=np.float64, na_value=np.nan))
    if kind in "mM":
        return _moments(series)
    if kind == "c":
        raise DataError(f'Column "{series.name}" holds complex numbers. Give real and imaginary parts as two columns.')
    return _objects(series, as_words, number_format, least, hint)


def to_numbers(values: NDArray[Any]) -> tuple[NDArray[np.float64], list[str]]:
    """Text (object of str or None) as numbers, and the texts that are none; `True` and `False` are 1 and 0."""
    codes, unique = pd.factorize(values)
    plain = [{"True": "1", "False": "0"}.get(value, value) for value in unique]
    numbers = np.asarray(pd.to_numeric(pd.Series(plain, dtype=object), errors="coerce"), dtype=np.float64)
    strange = [value for value, number in zip(unique, numbers, strict=True) if math.isnan(number)]
    return np.append(numbers, np.nan)[codes], strange


def _too_long(series: pd.Series[Any]) -> Cells | None:
    """Whole numbers as text, where float64 cannot hold all of them; else None."""
    there = series.dropna()
    if not len(there) or (int(there.max()) <= 2**53 and int(there.min()) >= -(2**53)):
        return None
    if all(is_exact(int(number)) for number in pd.unique(there)):
        return None
    code = next(str(number) for number in map(int, there) if not is_exact(number))
    return Cells("word", _mapped(series, lambda number: str(int(number))), code=code)


def to_words(values: NDArray[Any]) -> NDArray[Any]:
    """Numbers as text, whole ones without a point, so that 1, 1.0 and "1" are the same level."""
    if values.dtype == object:
        return values
    if values.dtype.kind == "M":
        return dates.written(values)
    return _mapped(pd.Series(values), text_of)


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
    words = _mapped(series.astype(object), lambda value: level_of(text_of(value)))
    return Cells("level", words)


def _objects(
    series: pd.Series[Any], as_words: bool, number_format: NumberFormat | None, least: float, hint: Hint
) -> Cells:
    """Text, numbers kept as text, and mixtures of both."""
    try:
        codes, levels = pd.factorize(series)
    except TypeError:  # lists and dictionaries cannot be hashed
        return _nested(series)
    unique = levels.tolist()  # many times faster to go through
    if unique and all(isinstance(value, pd.Period) for value in unique):
        return _moments(pd.Series([None if pd.isna(v) else v.to_timestamp() for v in series], dtype="datetime64[ns]"))
    if any(
        not isinstance(value, (str, bool, int, float, np.generic, date, time)) and not _is_number(value)
        for value in unique
    ):
        return _nested(series)
    if unique and all(isinstance(value, (bool, np.bool_)) for value in unique):
        return Cells("truth", _mapped(series, str))
    texts = [text_of(value) for value in unique]
    looked_up = np.empty(len(unique) + 1, dtype=object)
    looked_up[:-1] = [level_of(text) for text in texts]
    counts = np.bincount(codes + 1, minlength=len(unique) + 1)[1:]
    marks = Counter({text: 0 for text in texts if text in MISSING})
    for text, count in zip(texts, counts, strict=True):
        if text in MISSING:
            marks[text] += int(count)
    said = tuple(
        say("has {count:,} cells {which}, read as missing", count=count, which=_shown(text))
        for text, count in marks.items()
    )
    words = Cells("word", looked_up[codes], said)
    if as_words:
        return words
    raw = Raw(unique, looked_up[:-1].tolist(), codes, counts)
    if number_format is not None:
        return _as_cells(written(raw, Told(number_format)), said)
    return _numbers_or_dates(raw, words, texts, least, hint)


def _numbers_or_dates(raw: Raw, words: Cells, texts: list[str], least: float, hint: Hint) -> Cells:
    """Text as what it reads as."""
    code = next((text for text in texts if is_code(text)), None)
    numbers = _numbers_in_text(words.values, words.remarks)
    is_plain = numbers is not None and not numbers.doubtful
    if (code is None or least < MOSTLY_NUMBERS) and (not is_plain or (may_be_thousands(raw.texts) and hint() == ",")):
        found = as_people_write(raw, least, hint)
        if isinstance(found, Written) and (numbers is None or len(numbers.present) <= (~np.isnan(found.numbers)).sum()):
            return _as_cells(found, words.remarks)
        if isinstance(found, Told) and numbers is None:
            return replace(words, remarks=(*words.remarks, found.fault), doubtful=True)
    if numbers is None:
        return _dates_in_text(words)
    return numbers if code is None else replace(words, code=code)


def _as_cells(found: Written, said: tuple[str, ...]) -> Cells:
    return Cells("number", found.numbers, (*said, *found.remarks), doubtful=bool(found.remarks), told=found.told)


def _is_number(value: Any) -> bool:
    """Whether it is a number of another library, such as `decimal.Decimal`."""
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return not isinstance(value, (bytes, bytearray))


def _shown(text: str) -> str:
    return say('that hold "{text}"', text=text) if text else say("that are blank")


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
    if len(good) < MOSTLY_NUMBERS * len(present) or len(np.unique(good)) <= FEW_NUMBERS:
        return None
    return Cells("number", numbers, (*said, no_numbers(len(present) - len(good), strange)), doubtful=True)


def _dates_in_text(words: Cells) -> Cells:
    """The column as dates, where all or nearly all of its text are dates beyond doubt; else as it is."""
    found = dates.read(words.values)
    if found is None or found.share < dates.MOSTLY or not len(words.present):
        return words
    if found.order in ("unknown", "mixed"):
        remark = say(
            'holds dates such as "{first}", but whether the day or the month comes first, {doubt}; it is read as text. '
            "Write 2024-01-31",
            first=words.present[0],
            doubt=say("the data do not tell" if found.order == "unknown" else "both are there"),
        )
        return replace(words, remarks=(*words.remarks, remark), doubtful=True)
    remarks = words.remarks
    if found.strange:
        remark = say(
            "is read as dates; some of its cells are none ({shown}) and are read as missing",
            shown=first_of(found.strange),
        )
        remarks = (*remarks, remark)
    return Cells("date", found.values, remarks, doubtful=bool(found.strange), order=found.order)
