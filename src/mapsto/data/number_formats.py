"""Numbers as people write them: decimal commas, thousands in groups, currencies, percent, parentheses.

What one cell may be: `1,234.5`, `1.234,5`, `1 234,5` (any blank), `1'234.5`, `12,34,567`, each with a minus of any
kind, or in parentheses, which mean minus too; with a currency (sign or code) or a percent sign before or behind. Which
of comma and point is the decimal mark is told from the whole column. Everything else (`1.2.3`, `007`, `1-2`, `+49 30
123 456`) is no number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto.errors import DataError

Mark = Literal[".", ","]
_SAME = {
    "$": "$ US$ USD",
    "€": "€ EUR",
    "£": "£ GBP",
    "¥": "¥ ￥ 元 CNY RMB CN¥",
    "JPY": "円 JPY JP¥",
    "₹": "₹ Rs Rs. INR",
    "₽": "₽ руб руб. RUB",
    "₩": "₩ 원 KRW",
    "CHF": "CHF Fr. SFr.",
    "PLN": "zł PLN",
    "CZK": "Kč CZK",
    "HUF": "Ft HUF",
    "BRL": "R$ BRL",
    "AUD": "A$ AUD",
    "CAD": "C$ CAD",
    "HKD": "HK$ HKD",
    "TWD": "NT$ TWD",
    "SGD": "S$ SGD",
    "NZD": "NZ$ NZD",
    "MXN": "MX$ MXN",
    "TRY": "₺ TL TRY",
    "ILS": "₪ ILS",
    "THB": "฿ THB",
    "VND": "₫ VND",
    "PHP": "₱",
    "UAH": "₴ UAH",
    "NGN": "₦ NGN",
    "%": "% ％",
}
_UNITS = {word: name for name, words in _SAME.items() for word in words.split()}
_UNITS |= {code: code for code in "kr SEK NOK DKK RON BGN AED SAR EGP IDR MYR ARS CLP COP PEN ZAR KES".split()}
_BLANKS = "\u0020\u00a0\u2007\u2009\u202f"
_ANY_UNIT = "|".join(re.escape(word) for word in sorted(_UNITS, key=len, reverse=True))
_CELL = re.compile(
    rf"(?:(?P<first>{_ANY_UNIT})(?P<gap>[{_BLANKS}]*))?(?P<open>\()?[{_BLANKS}]*(?P<sign>[-+\u2212\u2013]?)[{_BLANKS}]*"
    rf"(?:(?P<second>{_ANY_UNIT})(?P<gap2>[{_BLANKS}]*))?(?P<sign2>[-+\u2212\u2013]?)"
    rf"(?P<body>[.,]?\d(?:[\d.,'\u2019{_BLANKS}]*\d)?\.?(?:[eE][+-]?\d{{1,3}})?)"
    rf"[{_BLANKS}]*(?P<close>\))?[{_BLANKS}]*(?P<last>{_ANY_UNIT})?"
)
_EXPONENT = r"(?:[eE][+-]?\d{1,3})?"
_WHOLE = r"(?:0|[1-9]\d*|[1-9]\d{0,2}(?:%s\d{3})+|[1-9]\d{0,2}(?: \d{3})+|[1-9]\d{0,2}(?:'\d{3})+%s)"
_LAKHS = r"|[1-9]\d?(?:,\d{2})+,\d{3}"
_BY_COMMA, _BY_POINT = _WHOLE % (",", _LAKHS), _WHOLE % (r"\.", "")
_FORMS: dict[Mark, re.Pattern[str]] = {
    ".": re.compile(rf"(?:{_BY_COMMA}(?:\.\d*)?|\.\d+){_EXPONENT}"),
    ",": re.compile(rf"(?:{_BY_POINT}(?:,\d+)?|,\d+){_EXPONENT}"),
}
_EXAMPLE = re.compile(r"1(?P<group>[.,' ]?)234(?P<mark>[.,])\d+")


class Cell(NamedTuple):
    """What a text holds: its unit as `_SAME` calls it, digits with their marks, and signs."""

    unit: str
    body: str
    is_negative: bool
    in_parentheses: bool

    def value(self, mark: Mark) -> float:
        """The number, NaN where the digits are not grouped as numbers are."""
        if not _FORMS[mark].fullmatch(self.body):
            return math.nan
        digits = self.body.translate(_DROPPED[mark])
        number = float(digits.replace(",", "."))
        return -number if self.is_negative else number


_DROPPED: dict[Mark, dict[int, None]] = {
    ".": {ord(character): None for character in ",' "},
    ",": {ord(character): None for character in ".' "},
}
_SPELLED = str.maketrans({**dict.fromkeys(_BLANKS, " "), "\u2019": "'"})


def cell_of(text: str) -> Cell | None:
    """The parts of a text that may be a number; None where it is none."""
    match = _CELL.fullmatch(text)
    if match is None:
        return None
    part = match.groupdict()
    units = {_UNITS[part[name]] for name in ("first", "second", "last") if part[name]}
    signs = (part["sign"] or "") + (part["sign2"] or "")
    inside = part["open"] is not None
    if len(units) > 1 or len(signs) > 1 or inside != (part["close"] is not None) or (inside and signs):
        return None
    if any(_is_name(part[unit], part[gap]) for unit, gap in (("first", "gap"), ("second", "gap2"))):
        return None
    body = part["body"].translate(_SPELLED)
    if "+" in signs and " " in body:  # a telephone number
        return None
    return Cell(next(iter(units), ""), body, inside or bool(signs.strip("+")), inside)


def _is_name(unit: str | None, gap: str | None) -> bool:
    """Whether a unit before digits makes the name of something: "EUR12" does, "EUR 12" and "$12" do not."""
    return unit is not None and unit.isascii() and unit.isalpha() and not gap


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of a column are written.

    Attributes:
        mark: the decimal mark; the other of comma and point, blanks and apostrophes may part thousands.
        unit: the currency or `"%"` that cells may have, `""` for none; a cell with another is no number of the column.
    """

    mark: Mark
    unit: str = ""

    @classmethod
    def of(cls, example: str) -> NumberFormat:
        """The format of an example.

        Example:
            >>> NumberFormat.of("1.234,5 €")
            NumberFormat(mark=',', unit='€')

        Args:
            example: 1234.5 as the column would write it.

        Raises:
            DataError: it is no such number.
        """
        cell = cell_of(example.strip())
        found = None if cell is None else _EXAMPLE.fullmatch(cell.body)
        if cell is None or found is None or found["group"] == found["mark"]:
            raise DataError(
                f'`data.number_formats` shows how 1234.5 is written, such as "1,234.5", "1.234,5" or "$1,234.5". '
                f'Received: "{example}".'
            )
        return cls("." if found["mark"] == "." else ",", cell.unit)

    @property
    def example(self) -> str:
        """1234.5 as the column writes it."""
        number = "1,234.5" if self.mark == "." else "1.234,5"
        return f"{number}{' ' if self.unit[:1].isalpha() else ''}{self.unit}"

    def read(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Each text as a number, NaN for what is none."""
        other = "," if self.mark == "." else "."
        # What has one mark at most is pandas' to read, much faster.
        plain = [None if other in text else text.replace(",", ".") for text in texts]
        numbers = pd.to_numeric(pd.Series(plain, dtype=object), errors="coerce").to_numpy(np.float64, na_value=np.nan)
        numbers = numbers.copy()
        for place in np.flatnonzero(np.isnan(numbers)).tolist():
            cell = cell_of(texts[place])
            if cell is not None and cell.unit in ("", self.unit):
                numbers[place] = cell.value(self.mark)
        return numbers


@lru_cache(maxsize=256)
def format_of(example: str) -> NumberFormat:
    """`NumberFormat.of`, remembered."""
    return NumberFormat.of(example)
