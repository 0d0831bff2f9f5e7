"""What the text of one cell stands for: nothing, a code, or itself."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

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

_LEADING_ZERO = re.compile(r"[+-]?0\d+(\.\d*)?$")
_LONG = re.compile(r"[+-]?\d{16,}")


def is_code(text: str) -> bool:
    """Whether digits are a name and no quantity: "007", and whole numbers that float64 cannot tell from others."""
    if _LEADING_ZERO.match(text):
        return True
    return bool(_LONG.fullmatch(text)) and not is_exact(int(text))


def is_exact(number: int) -> bool:
    """Whether float64 holds the whole number exactly."""
    return abs(number) <= 2**53 or (abs(number) < 2**1023 and int(float(number)) == number)


def text_of(value: Any) -> str:
    """One cell as text."""
    if isinstance(value, (float, np.floating)):
        return str(int(value)) if math.isfinite(value) and value == int(value) else repr(float(value))
    return str(value).strip()


def level_of(text: str) -> str | None:
    """The text of a level; None where it stands for a missing value."""
    return None if text in MISSING else text
