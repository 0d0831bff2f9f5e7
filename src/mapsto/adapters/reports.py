"""What a program says about itself, read from its lines: the grammar of reports.

A line is read as one of these, and passed over where it is neither:

    {"accuracy": 0.91, "epoch": 3}          a JSON object; its numbers are the values, anything else in it is ignored
    epoch=3 loss: 0.21, accuracy=91%        pairs `name=value` or `name: value`, blanks around the sign allowed; the
                                            line counts if the metric is among them, whatever else stands in it

A name begins with a letter or `_` and goes on with letters, digits and `_ . / -`; it may stand in quotes. A value is a
number as in Python (`3`, `-0.5`, `1e-3`, `nan`, `inf`) or one with `%`, which stands for a hundredth.

A line with the metric is a point. Its step is its `step`, else its `epoch` (whole, rounded down), else one more than
that of the point before, the first being 1. A point at the step of an earlier one replaces the value and adds no point.
The last value is the trial's.
"""

from __future__ import annotations

import json
import math
import re

from mapsto.errors import RecipeError
from mapsto.recipe.family import did_you_mean

_NAME = r"[A-Za-z_][\w./-]*+"
METRIC_NAME = re.compile(_NAME, re.ASCII)
_PAIR = re.compile(
    rf"""(?<![\w./-])["']?({_NAME})["']?\s*+[=:]\s*+"""
    r"([-+]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?|nan|inf(?:inity)?))(%)?(?!\w|\.\d)",
    re.ASCII | re.IGNORECASE,
)
_COLORS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
MAX_NAMES = 100
"""Values of so many names are kept; a program that makes names up as it goes must not fill the memory."""

MAX_OTHER_LINES = 1000
"""So many lines without the metric are searched for names, to say at the end what a program spoke of instead."""


def read_line(line: str) -> dict[str, float]:
    """The values in one line.

    Example:
        >>> read_line('epoch=3 loss: 0.21, accuracy = 91%')
        {'epoch': 3.0, 'loss': 0.21, 'accuracy': 0.91}
        >>> read_line('{"accuracy": 0.9, "note": "best"}'), read_line("saved to model-3.pt")
        ({'accuracy': 0.9}, {})
    """
    values = read_object(line)
    if values is not None:
        return values
    pairs = _PAIR.findall(_COLORS.sub("", line))
    return {name: float(number) / 100 if percent else float(number) for name, number, percent in pairs}


def read_object(line: str) -> dict[str, float] | None:
    """The numbers of a line that is a JSON object; None where it is none."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(line)
        numbers = {name: value for name, value in found.items() if isinstance(value, int | float)}
        return {name: float(value) for name, value in numbers.items() if not isinstance(value, bool)}
    except (ValueError, OverflowError, RecursionError):
        return None


class Reports:
    """The reports of one trial.

    Args:
        metric: the name of what is optimized.

    Attributes:
        points: steps, increasing, and the metric's finite values there.
        values: the last finite value of every name.
        value: the metric's last value, or None; not finite where the program diverged.
        names: what the program calls its numbers, as far as its lines were looked at.
    """

    def __init__(self, metric: str) -> None:
        if not METRIC_NAME.fullmatch(metric):
            raise RecipeError(
                f"The metric is the name that the program gives it: letters, digits and _ . / -, beginning with a "
                f"letter or _. Received: {metric!r}."
            )
        self.metric = metric
        self.points: list[tuple[int, float]] = []
        self.values: dict[str, float] = {}
        self.value: float | None = None
        self.names: dict[str, None] = {}
        self._other_lines = 0

    def read(self, line: str) -> bool:
        """Takes in a line; whether there is a new point."""
        values = read_object(line)
        if values is None:
            if self.metric not in line:  # most lines of most programs
                self._remember_names(line)
                return False
            values = read_line(line)
            if self.metric not in values:
                return False
        return self.take(values)

    def take(self, values: dict[str, float]) -> bool:
        """Takes in values by name; whether there is a new point."""
        for name, value in values.items():
            if math.isfinite(value) and (name in self.values or len(self.values) < MAX_NAMES):
                self.values[name] = value
        if self.metric not in values:
            return False
        self.value = values[self.metric]
        last = self.points[-1][0] if self.points else 0
        given = values.get("step", values.get("epoch", math.nan))
        step = int(given) if math.isfinite(given) and given >= 0 else last + 1
        if not math.isfinite(self.value) or (self.points and step <= last):
            return False
        self.points.append((step, self.value))
        return True

    def silence(self) -> str:
        """Says that the metric never came, and what came instead."""
        heard = [name for name in (*self.values, *self.names) if name not in ("step", "epoch")]
        instead = f" It spoke of {', '.join(heard[:5])}.{did_you_mean(self.metric, heard)}" if heard else ""
        return f"it ended without a value of {self.metric}; a line such as `{self.metric}=0.5` tells it.{instead}"

    def _remember_names(self, line: str) -> None:
        self._other_lines += 1
        if self._other_lines < MAX_OTHER_LINES and len(line) < 1000:
            self.names |= dict.fromkeys(name for name, _, _ in _PAIR.findall(line))
