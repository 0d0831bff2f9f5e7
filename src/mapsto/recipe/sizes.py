"""Amounts of memory as people write them."""

from __future__ import annotations

import re

from mapsto.errors import RecipeError

_UNITS = {"KB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT])I?B")

LEAST = 2**20


def parse_size(text: str) -> int:
    """Bytes in an amount such as `"500MB"` or `"2GB"`; a kilobyte has 1,024.

    Example:
        >>> parse_size("1.5GB")
        1610612736

    Raises:
        RecipeError: the text is no such amount, or less than 1 MB.
    """
    match = _SIZE.fullmatch(text.strip().upper())
    size = float(match[1]) * _UNITS[f"{match[2]}B"] if match else 0.0
    if not LEAST <= size < 2**60:
        raise RecipeError(
            f'An amount of memory is a number with its unit, of at least 1 MB, such as "500MB" or "2GB". Received: '
            f'"{text}".'
        )
    return int(size)
