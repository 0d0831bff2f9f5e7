"""Axes of charts: ranges worth drawing, round ticks and their labels, and values to places."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mapsto.report.format import Unit, number


class Scale(NamedTuple):
    """Values to units of the drawing."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Where a value lies, at most a few widths outside of the range."""
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log10(low), math.log10(high), math.log10(at)
        return self.start + min(max((at - low) / (high - low), -4), 5) * (self.end - self.start)

    def inside(self, value: float) -> float:
        """Where a value lies, or the edge that is nearest to it."""
        return self(min(max(value, self.low), self.high))


def ticks(low: float, high: float, most: int = 5, *, log: bool = False, whole: bool = False) -> list[float]:
    """Round values in [low, high], about `most` of them: in steps of 1, 2 or 5, or powers of ten on a log axis.

    Example:
        >>> ticks(0, 20), ticks(1e-4, 1e-1, log=True)
        ([0.0, 5.0, 10.0, 15.0, 20.0], [0.0001, 0.001, 0.01, 0.1])
    """
    if log:
        first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
        stride = max(1, math.ceil((last - first + 1) / most))
        powers = [10.0**p for p in range(first, last + 1, stride)]
        if len(powers) >= 2:
            return powers
        return [m * 10.0**p for p in range(first - 1, last + 1) for m in (1, 2, 5) if low <= m * 10.0**p <= high]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.8)
    step = max(step, 1.0) if whole else step
    return [round(i * step, 12) for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def span(values: Iterable[float], *, log: bool = False, pad: float = 0.04) -> tuple[float, float]:
    """The range of the values with a little room on both sides; never empty."""
    kept = [v for v in values if v > 0 or not log] or [1.0]
    low, high = min(kept), max(kept)
    if log:
        room = max((high / low) ** pad, 1.05)
        return low / room, high * room
    room = (high - low) * pad or abs(high) * 0.1 or 1.0
    return low - room, high + room


def tick_labels(values: Sequence[float], unit: Unit) -> list[str]:
    """Labels with as many decimals as tell neighbors apart."""
    if unit == "percent":
        step = min((b - a for a, b in itertools.pairwise(values)), default=0.1)
        return [number(v, "percent", digits=max(0, -math.floor(math.log10(step) + 2 + 1e-9))) for v in values]
    return [number(v, "number") for v in values]
