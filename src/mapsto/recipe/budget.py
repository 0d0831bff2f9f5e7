"""Wall-clock budgets as people write them."""

from __future__ import annotations

import re

from mapsto.errors import RecipeError

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_PART = r"(?:(\d+(?:\.\d+)?)\s*{unit}\s*)?"
_BUDGET = re.compile("".join(_PART.format(unit=unit) for unit in _UNITS))


def parse_budget(text: str) -> float:
    """Seconds in a budget such as `"90s"`, `"10m"`, `"1h30m"` or `"1d 12h"`.

    Example:
        >>> parse_budget("1h30m")
        5400.0

    Raises:
        RecipeError: the text is no such budget, or its length is zero.
    """
    return parse_duration(text, "A budget")


def parse_duration(text: str, what: str) -> float:
    """Seconds in a length of time, as `parse_budget` takes it; `what` it is opens the message.

    Raises:
        RecipeError: the text is no length of time, or it is zero.
    """
    match = _BUDGET.fullmatch(text.strip().lower())
    amounts = match.groups(default="0") if match else ()
    seconds = sum(float(amount) * unit for amount, unit in zip(amounts, _UNITS.values(), strict=False))
    if not 0 < seconds < float("inf"):
        raise RecipeError(
            f'{what} is a length of time with its units, such as "90s", "10m", "2h" or "1h30m". Received: "{text}".'
        )
    return seconds
