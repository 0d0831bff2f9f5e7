"""How the numbers of a column are written, told from all of its texts."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import listing, say
from mapsto.data.number_formats import Mark, NumberFormat, cell_of

Hint = Callable[[], Mark | None]
"""The decimal mark of the table's other columns; None where they do not tell."""

MOSTLY_NUMBERS = 0.95
"""A column of text of which at least this share are numbers, and many different ones, is a column of numbers."""

FEW_NUMBERS = 20
"""A column of text with no more different numbers than this is a category, if not all of it are numbers."""

_SAMPLE = 2000  # different texts that the decimal mark is told from, if those settle it
LOOKED_AT = 1000
"""Texts of which one must look like a number, for the others to be read."""

_GROUP = 3  # digits
_ROUND = 0.1  # a share of three decimals that are 000 which measured numbers never have
_THOUSANDS = re.compile(r"[-+]?(?:0|[1-9]\d{0,2}(?:\.\d{3})*)")
_NAMES = {",": say("comma"), ".": say("point")}
_GROUPED_BY_COMMA = frozenset({"$", "£", "¥", "JPY", "₹", "₩", "AUD", "CAD", "HKD", "TWD", "SGD", "NZD", "MXN", "THB"})
"""Currencies whose amounts are written with a decimal point, and never with three decimals."""


@dataclass(frozen=True)
class Told:
    """What a column's texts tell.

    Attributes:
        format: how its numbers are written; None where they are not to be read.
        why: what settled an ambiguous decimal mark, or `""`.
        is_sure: whether the column alone settles it.
        fault: what keeps it from being read as numbers, for a warning, or `""`.
        examples: texts that show the format.
        bare: cells without the unit, of a column whose other cells have one.
    """

    format: NumberFormat | None
    why: str = ""
    is_sure: bool = True
    fault: str = ""
    examples: tuple[str, ...] = ()
    bare: int = 0

    @property
    def example(self) -> str:
        """The format's example."""
        assert self.format is not None
        return self.format.example

    @property
    def is_plain(self) -> bool:
        """Whether its numbers mean the same as plain ones, beyond doubt."""
        return self.format is not None and not self.format.unit and self.is_sure

    def said(self, name: str) -> str:
        """What is done, in words that follow the column's name."""
        assert self.format is not None
        numbers = self.format.read(self.examples)
        pairs = zip(self.examples, numbers, strict=True)
        other = NumberFormat("," if self.format.mark == "." else ".", self.format.unit).example
        why = say(
            '; {why}. If it is wrong, set `data.number_formats.{name}` to "{other}"',
            why=self.why,
            name=name,
            other=other,
        )
        return say(
            "is read as numbers: {examples}{percents}{why}",
            examples=listing(say('"{text}" is {number:.12g}', text=text, number=number) for text, number in pairs),
            percents=say("; percents are not divided by 100") if self.format.unit == "%" else "",
            why=why if self.why else "",
        )


@dataclass
class Counts:
    """How many cells of a column are of each sort."""

    point: int = 0
    comma: int = 0
    either: int = 0
    unclear: Counter[str] = field(default_factory=Counter)
    short: int = 0  # whole numbers without marks, of up to three digits
    long: int = 0
    rounded: int = 0  # unclear ones that end with 000
    strange: int = 0
    units: Counter[str] = field(default_factory=Counter)
    inside: int = 0
    shapes: Counter[tuple[int, int]] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    of_units: dict[str, str] = field(default_factory=dict)

    @property
    def good(self) -> int:
        return self.point + self.comma + self.either + self.unclear.total()

    def tell(self, least: float, hint: Hint) -> Told | None:
        """What the cells tell, as the function `tell` says."""
        if not self.good or self.good < least * (self.good + self.strange) or self.inside == self.good:
            return None
        shape, same = self.shapes.most_common(1)[0]
        return None if shape != (0, 0) and same == self.good else _with_unit(self, hint)

    def add(self, text: str, count: int) -> None:
        """Counts a text that so many rows have."""
        cell = cell_of(text)
        values = (math.nan, math.nan) if cell is None else (cell.value("."), cell.value(","))
        if cell is None or (math.isnan(values[0]) and math.isnan(values[1])):
            self.strange += count
            return
        self.units[cell.unit] += count
        self.of_units.setdefault(cell.unit, text)
        self.inside += count * cell.in_parentheses
        if math.isnan(values[1]):
            self.point += count
            sort = "point"
        elif math.isnan(values[0]):
            self.comma += count
            sort = "comma"
        elif values[0] != values[1]:
            sort = "," if "," in cell.body else "."
            self.unclear[sort] += count
            self.rounded += count * cell.body.endswith("000")
        else:
            self.either += count
            sort = "group" if re.search("[ ']", cell.body) else "none"
            self.short += count * (sort == "none" and len(cell.body) <= _GROUP)
            self.long += count * (sort == "none" and len(cell.body) > _GROUP)
        self.examples.setdefault(f"{sort} {cell.is_negative}", text)
        # Telephone numbers and other names in groups look all the same, and are not round.
        groups = re.fullmatch(r"\d{1,3}(?:([ .])\d{3})(?:\1\d{3})+", cell.body)
        is_named = groups is not None and not cell.unit and not cell.body.endswith("000")
        self.shapes[(len(cell.body), cell.body.count(" ") + cell.body.count(".")) if is_named else (0, 0)] += count


def looks_written(texts: Iterable[str]) -> bool:
    """Whether one of the texts may be a number as people write them."""
    return any(cell_of(text) is not None for text in texts)


def may_be_thousands(texts: Sequence[str | None]) -> bool:
    """Whether all texts that are there have the form of 1.234, whose point may part thousands."""
    there = [text for text in texts if text is not None]
    return all(map(_THOUSANDS.fullmatch, there)) and any("." in text for text in there)


def tell(texts: Sequence[str], counts: Sequence[int], *, least: float, hint: Hint = lambda: None) -> Told | None:
    """How the numbers of a column are written; None where it holds none.

    Args:
        texts: the different ones of the column.
        counts: rows of each.
        least: the share of the rows that must be numbers.
        hint: asked where the column does not settle its decimal mark.
    """
    found = _counted(texts, counts, _SAMPLE)
    if len(texts) > _SAMPLE and not (found.point or found.comma):
        found = _counted(texts, counts, len(texts))
    return found.tell(least, hint)


def _counted(texts: Sequence[str], counts: Sequence[int], most: int) -> Counts:
    found = Counts()
    step = max(1, len(texts) // most)
    for text, count in zip(texts[::step], counts[::step], strict=True):
        found.add(text, count)
    return found


def _with_unit(found: Counts, hint: Hint) -> Told | None:
    units = Counter({unit: count for unit, count in found.units.items() if unit})
    unit, most = units.most_common(1)[0] if units else ("", 0)
    if most < 0.95 * units.total():
        fault = say(
            "holds {kinds}, such as {shown}, and is not read as numbers. Convert them to one",
            kinds=say("percents and amounts" if "%" in units else "amounts of several currencies"),
            shown=listing(f'"{found.of_units[other]}" ({count:,})' for other, count in units.most_common(4)),
        )
        return Told(None, fault=fault)
    mark, why, is_sure = _mark(found, unit, hint)
    if mark is None:
        return Told(None, fault=why) if why else None
    bare = found.units[""] if unit == "%" else 0
    return Told(NumberFormat(mark, unit), why, is_sure, examples=_examples(found), bare=bare)


def _examples(found: Counts) -> tuple[str, ...]:
    """Up to three texts, the telling ones first."""
    order = ("point", "comma", ",", ".", "group", "none")
    names = sorted(found.examples, key=lambda name: order.index(name.split()[0]))
    return tuple(found.examples[name] for name in names[:3])


def _mark(found: Counts, unit: str, hint: Hint) -> tuple[Mark | None, str, bool]:
    """The decimal mark, what told it where it was not plain, and whether the column alone did."""
    settled = found.point + found.comma
    if settled:
        mark: Mark = "." if found.point >= found.comma else ","
        if max(found.point, found.comma) >= 0.95 * settled:
            return mark, "", True
        fault = say(
            'holds numbers such as "{point}" and "{comma}", with different decimal marks, and is not read as numbers',
            point=_first(found, "point"),
            comma=_first(found, "comma"),
        )
        return None, fault, True
    if not found.unclear:
        return hint() or ".", "", True
    if len(found.unclear) > 1:
        fault = say("holds numbers with points and with commas, and the data do not tell which are thousands")
        return None, fault, True
    sign = next(iter(found.unclear))
    thousands: Mark = "." if sign == "," else ","
    decimals: Mark = "," if sign == "," else "."
    text, name = _first(found, sign), _NAMES[sign]
    if found.short and not found.long:
        why = say('in "{text}" the {sign} parts thousands, since no other number is above 999', text=text, sign=name)
        return thousands, why, True
    if found.rounded >= 3 and found.rounded >= _ROUND * found.unclear.total() and not found.long:
        why = say('in "{text}" the {sign} parts thousands, since many of them are round', text=text, sign=name)
        return thousands, why, True
    if sign == "," and unit in _GROUPED_BY_COMMA:
        why = say('in "{text}" the comma parts thousands, as usual with {unit}', text=text, unit=unit)
        return thousands, why, True
    if (mark_of_others := hint()) is not None:
        why = say(
            'in "{text}" the {sign} parts thousands, as other columns show'
            if mark_of_others == thousands
            else 'in "{text}" the {sign} is the decimal mark, as other columns show',
            text=text,
            sign=name,
        )
        return mark_of_others, why, True
    why = say('in "{text}" the {sign} is taken for the decimal mark; the data do not tell', text=text, sign=name)
    return decimals, why, False


def _first(found: Counts, sort: str) -> str:
    return next(text for name, text in found.examples.items() if name.split()[0] == sort)


def different_texts(values: NDArray[Any]) -> list[str]:
    """The different texts among objects, without blanks around."""
    return list(dict.fromkeys(value.strip() for value in values if isinstance(value, str) and value.strip()))


def texts_of(frame: pd.DataFrame) -> Iterator[list[str]]:
    """Of each column of text, different values."""
    for column in frame.columns[[dtype.kind == "O" for dtype in frame.dtypes]]:
        yield different_texts(frame[column].iloc[:LOOKED_AT].to_numpy())


def mark_of(columns: Iterable[Sequence[str]]) -> Mark | None:
    """The decimal mark of the columns that settle it, where they agree.

    Args:
        columns: different texts of each.
    """
    marks = set()
    for texts in columns:
        some = texts[:LOOKED_AT]
        if not looks_written(some[:20]):
            continue
        found = _counted(some, [1] * len(some), len(some))
        if found.good >= 0.95 * (found.good + found.strange) and bool(found.point) != bool(found.comma):
            marks.add("." if found.point else ",")
    return marks.pop() if len(marks) == 1 else None  # type: ignore[return-value]
