"""Numbers as people read them, with the exact value kept in the page beside the rounded one."""

from __future__ import annotations

import math
import unicodedata
from typing import Literal

from markupsafe import Markup

Unit = Literal["number", "percent", "whole"]

_UNSAFE = {*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)} - {0x09, 0x0A}
"""Control characters, and those that turn the direction of the text around them."""


def number(value: float | None, unit: Unit = "number", *, digits: int | None = None) -> str:
    """A number in words for the eye: four significant digits, thousands marked, a true minus sign.

    Args:
        value: None and non-finite values become a dash.
        unit: `"percent"` takes a share in [0, 1]; `"whole"` is a count.
        digits: decimals of a percentage (one unless given).

    Example:
        >>> number(0.98148, "percent"), number(48320.7), number(0.000021), number(-0.5)
        ('98.1%', '48,321', '2.1e-05', '−0.5')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if unit == "percent":
        text = f"{100 * value:.{1 if digits is None else digits}f}%"
    elif unit == "whole" or abs(value) >= 1000:
        text = f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.3g}"
    elif value == 0 or abs(value) >= 1e-4:
        text = f"{value:.4g}"
    else:
        text = f"{value:.3g}"
    return text.replace("-", "−", 1) if text.startswith("-") else text


def exact(value: float | None, unit: Unit = "number", *, digits: int | None = None) -> Markup:
    """The rounded number inside `<data value=...>`, whose attribute holds the number as the run recorded it."""
    text = number(value, unit, digits=digits)
    if value is None or not math.isfinite(value):
        return Markup("<span>{}</span>").format(text)
    return Markup('<data value="{}">{}</data>').format(repr(value), text)


def points(value: float | None, *, percent: bool) -> str:
    """A difference of two values of a metric, with its sign; that of two shares in percentage points.

    Example:
        >>> points(0.0123, percent=True), points(-3.5, percent=False)
        ('+1.23', '−3.5')
    """
    if value is None or not math.isfinite(value):
        return "–"
    size = f"{abs(100 * value):.2f}" if percent else number(abs(value))
    return f"{'−' if value < 0 else '+'}{size}"


def chance(probability: float) -> str:
    """A probability in whole percent, never as sure as 0 or 100.

    Example:
        >>> chance(0.874), chance(0.9998)
        ('87%', '>99%')
    """
    if not 0.005 <= probability < 0.995:
        return ">99%" if probability > 0.5 else "<1%"
    return number(probability, "percent", digits=0)


def decimals(low: float | None, high: float | None) -> int:
    """Decimals that a percentage deserves: two when its interval is narrower than two points, else one."""
    return 2 if low is not None and high is not None and high - low < 0.02 else 1


def setting(value: object) -> str:
    """A chosen setting's value, short: `0.00312` for a float, the plain text for the rest.

    Example:
        >>> setting(0.0031234), setting("adam"), setting(True)
        ('0.00312', 'adam', 'true')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)


def clean(value: str) -> str:
    """Text of the data without what no page should hold: control characters, reversals, halves of a character.

    Right-to-left writing needs no such marks; each name stands in an element of its own direction.
    """
    whole = value.encode("utf-8", "replace").decode("utf-8")
    return whole if whole.isprintable() else "".join(c for c in whole if ord(c) not in _UNSAFE)


def width(text: str) -> float:
    """About how wide a text is, in units of a Latin letter; Chinese characters count twice, accents nothing."""
    return sum(
        0.0 if unicodedata.combining(c) else 1.8 if unicodedata.east_asian_width(c) in "WF" else 1.0 for c in text
    )


def shortened(text: str, limit: float) -> str:
    """The text, cut with an ellipsis where it is wider than `limit` (see `width`)."""
    if width(text) <= limit:
        return text
    kept, used = [], 1.0
    for character in text:
        used += width(character)
        if used > limit:
            break
        kept.append(character)
    return "".join(kept) + "…"
