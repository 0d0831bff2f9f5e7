"""Text to dates, where there is no doubt what is meant.

What is read: ISO 8601 (`2024-01-31`, `2024-01-31T17:05:00Z`), the same with slashes, points or 年月日, days and months
in numbers with a year of four digits (`31/01/2024`, `1.31.2024`), where the data tell which is the day, and English
names of months (`31 Jan 2024`, `January 31, 2024`). Each may have a time of day behind it. Years of two digits are not
read, nor times alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto.data.table import Order

MOSTLY = 0.95
"""A column of text of which at least this share are dates is one of dates."""

_SAMPLE = 100
_NOTHING = np.datetime64("NaT", "ns")
_FIRST_DAY = date(1970, 1, 1).toordinal()
_SECOND = r"(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?"
_TIME = r"(?:[T ]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})" + _SECOND + r"\s*(?P<half>[AaPp][Mm])?"
_ZONE = r"\s*(?P<zone>Z|[+-]\d{2}:?\d{2})?)?"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMED = r"(?P<month>(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*)\.?"

_YEAR_FIRST = re.compile(r"(?P<year>\d{4})([-/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})" + _TIME + _ZONE)
_CHINESE = re.compile(r"(?P<year>\d{4})年(?P<month>\d{1,2})月(?P<day>\d{1,2})日" + _TIME + _ZONE)
_YEAR_LAST = re.compile(r"(?P<one>\d{1,2})([-/.])(?P<two>\d{1,2})\2(?P<year>\d{4})" + _TIME + _ZONE)
_DAY_NAME = re.compile(r"(?P<day>\d{1,2})[- ]" + _NAMED + r"[-, ]+(?P<year>\d{4})" + _TIME + _ZONE, re.IGNORECASE)
_NAME_DAY = re.compile(_NAMED + r" (?P<day>\d{1,2}),? (?P<year>\d{4})" + _TIME + _ZONE, re.IGNORECASE)
_FORMS = (_YEAR_FIRST, _YEAR_LAST, _CHINESE, _DAY_NAME, _NAME_DAY)


@dataclass(frozen=True)
class Dates:
    """A column of text, read as dates.

    Attributes:
        values: datetime64[ns] a row, in UTC where a zone is given; NaT for what is missing or no date.
        order: how days and months stand.
        strange: different texts that are no date.
        share: of the present rows that are dates.
    """

    values: NDArray[np.datetime64]
    order: Order
    strange: list[str]
    share: float


def read(words: NDArray[Any], order: Order = "unknown", least: float = MOSTLY) -> Dates | None:
    """The dates in text (objects, None for missing); None where the first texts are mostly something else.

    Args:
        words: shape `(rows,)`.
        order: how days and months stand, as was learned from others; `"unknown"` or `"none"` where these texts tell.
        least: the share of the first texts that must be dates.
    """
    codes, unique = pd.factorize(words)
    texts = [str(text).strip() for text in unique]
    if not texts:
        return Dates(np.full(len(words), _NOTHING), "none", [], 0.0)
    sample = [_match(text) for text in texts[:_SAMPLE]]
    if sum(found is not None for found in sample) < least * len(sample):
        return None
    days = np.full(len(texts) + 1, _NOTHING)  # the last is what the code -1 of a missing cell finds
    days[:-1] = _standard(texts, sample)
    left = np.flatnonzero(np.isnat(days[:-1])).tolist()
    found = [sample[place] if place < _SAMPLE else _match(texts[place]) for place in left]
    if order not in ("day_first", "month_first"):  # else one odd text would turn the others round
        order = _order(found)
    for place, match in zip(left, found, strict=True):
        if match is not None:
            days[place] = _moment(match, day_first=order != "month_first")
    strange = [texts[place] for place in left if np.isnat(days[place])]
    values = days[codes]
    present = int((codes >= 0).sum())
    return Dates(values, order, strange, float((~np.isnat(values)).sum() / present))


def _standard(texts: list[str], sample: list[dict[str, str | None] | None]) -> NDArray[np.datetime64]:
    """What pandas reads as ISO 8601, all at once, and NaT for other texts; none where the first ones look different."""
    nothing = np.full(len(texts), _NOTHING)
    if any(match is None or "one" in match or not texts[place][8:10].isdecimal() for place, match in enumerate(sample)):
        return nothing
    # Shorter texts are years and months to pandas.
    whole = [text if len(text) >= 10 else None for text in texts]
    moments = pd.to_datetime(pd.Series(whole, dtype=object), format="ISO8601", utc=True, errors="coerce")
    return in_nanoseconds(moments.dt.tz_localize(None).to_numpy())


def in_nanoseconds(moments: NDArray[Any]) -> NDArray[np.datetime64]:
    """The dates as datetime64[ns]; those that 64 bits cannot hold so (before 1678, after 2261) are missing."""
    seconds = moments.astype("datetime64[s]")
    held = (seconds >= np.datetime64("1678-01-01")) & (seconds < np.datetime64("2262-01-01"))
    return np.where(held, moments, np.datetime64("NaT")).astype("datetime64[ns]")


def written(values: NDArray[Any]) -> NDArray[Any]:
    """Dates as ISO 8601 writes them, object of str with None for missing; without the time where all are midnight.

    Fractions of seconds have as many digits (3, 6 or 9) as the finest of them needs, and none if all are whole.
    """
    days = values.astype("datetime64[D]")
    is_day = bool((np.isnat(values) | (days == values)).all())
    units = (values.astype(f"datetime64[{unit}]") for unit in ("s", "ms", "us"))
    moments = days if is_day else next((m for m in units if (np.isnat(values) | (m == values)).all()), values)
    words = np.datetime_as_string(moments).astype(object)
    words[np.isnat(values)] = None
    return words


def as_days(values: NDArray[Any]) -> NDArray[np.float64]:
    """Days since 1970, with their fraction; NaN for missing."""
    return np.asarray((values - np.datetime64(0, "D")) / np.timedelta64(1, "D"), dtype=np.float64)


def _match(text: str) -> dict[str, str | None] | None:
    if not 8 <= len(text) <= 40:
        return None
    for form in _FORMS:
        match = form.fullmatch(text)
        if match:
            return match.groupdict()
    return None


def _order(found: list[dict[str, str | None] | None]) -> Order:
    pairs = [(int(str(one["one"])), int(str(one["two"]))) for one in found if one is not None and "one" in one]
    if not pairs:
        return "none"
    day_first, month_first = any(one > 12 for one, _ in pairs), any(two > 12 for _, two in pairs)
    if day_first and month_first:
        return "mixed"
    return "day_first" if day_first else "month_first" if month_first else "unknown"


def _moment(match: dict[str, str | None], *, day_first: bool) -> np.datetime64:
    """One date in UTC; NaT where the calendar has no such day, or 64 bits cannot hold it."""
    year = int(str(match["year"]))
    if "one" in match:
        numbers = int(str(match["one"])), int(str(match["two"]))
        day, month = numbers if day_first else numbers[::-1]
    else:
        day, named = int(str(match["day"])), str(match["month"])
        month = int(named) if named.isdecimal() else 1 + _MONTHS.index(named[:3].lower())
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    if match["half"]:
        if not 1 <= hour <= 12:
            return _NOTHING
        hour = hour % 12 + 12 * (match["half"].lower() == "pm")
    if not (1678 <= year <= 2261 and hour < 24 and minute < 60 and second < 60):
        return _NOTHING
    try:
        days = date(year, month, day).toordinal() - _FIRST_DAY
    except ValueError:
        return _NOTHING
    seconds = 86_400 * days + 3600 * hour + 60 * minute + second - _offset(match["zone"])
    return np.datetime64(1_000_000_000 * seconds + int((match["fraction"] or "").ljust(9, "0")[:9]), "ns")


def _offset(zone: str | None) -> int:
    """Seconds that a zone's clocks are ahead of UTC."""
    if zone in (None, "Z"):
        return 0
    digits = str(zone)[1:].replace(":", "")
    return (-1 if str(zone)[0] == "-" else 1) * (3600 * int(digits[:2]) + 60 * int(digits[2:]))
