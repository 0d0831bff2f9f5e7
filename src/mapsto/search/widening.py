"""Where a value lies in its range, and the next wider or narrower range that the setting allows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from mapsto.recipe.leaves import holders, is_name, range_fault, value_fault
from mapsto.recipe.ranges import Choice, Int, Log, Range, Uniform

Side = Literal["low", "high"]
Numeric = Log | Uniform | Int

SHARE = 0.5
"""By which share of its width, on its own scale, a range is widened on one side."""

LEAST = 0.005
"""A range that a setting's limit lets grow by less than this share of its width is as wide as it can be."""


def position(range_: Numeric, value: float) -> float:
    """Where a value lies in its range, on the range's own scale: from 0 at the lower end to 1 at the upper one.

    Of whole numbers and steps each has a piece of the scale, and the value lies in its middle.

    Example:
        >>> position(Uniform(0, 0.5), 0.1), position(Int(1, 4), 1)
        (0.2, 0.125)
    """
    piece = _step(range_) / 2
    low, high = _scaled(range_, range_.low - piece), _scaled(range_, range_.high + piece)
    return (_scaled(range_, value) - low) / (high - low) if high > low else 0.5


def widened(leaf: str, range_: Numeric, side: Side) -> Numeric | None:
    """The range, half as wide again on one side, as far as the setting allows; None where it is at the setting's limit.

    A range of numbers that are not negative stays so. Where a limit itself is no value of the setting, as 1 is none of
    a momentum, the new end goes nine tenths of the way to it.

    Example:
        >>> str(widened("optimizer.learning_rate", Log(1e-4, 1e-1), "low"))
        'log(3e-06, 0.1)'
        >>> str(widened("optimizer.momentum", Uniform(0, 0.9), "high"))
        'uniform(0, 0.99)'
        >>> widened("model.dropout", Uniform(0, 0.5), "low") is None
        True
    """
    classes = [] if is_name(leaf) else [c for c in holders(leaf).values() if range_fault(leaf, range_, c) is None]

    def is_allowed(end: float) -> bool:
        is_odd = end < 0 <= range_.low or (end <= 0 < range_.low and _is_logarithmic(range_))
        return not is_odd and all(value_fault(leaf, end, cls) is None for cls in classes)

    end = range_.low if side == "low" else range_.high
    step = _step(range_)
    if step:
        new = _last_allowed_step(end, _goal(range_, side), step, is_allowed)
        new = int(new) if isinstance(range_, Int) else float(f"{new:.12g}")
    else:
        new = _last_allowed(end, _goal(range_, side), is_allowed)
    ends: dict[str, Any] = {side: new}
    wide: Numeric = replace(range_, **ends)
    grown = abs(_scaled(range_, new) - _scaled(range_, end))
    width = abs(_scaled(range_, range_.high) - _scaled(range_, range_.low))
    is_fit = all(range_fault(leaf, wide, cls) is None for cls in classes)
    return wide if is_fit and grown > LEAST * width else None


def narrowed(range_: Range, bad: Callable[[Any], bool], good: list[Any]) -> Range | None:
    """The range without a region of it; None where nothing would be left to search.

    Args:
        range_: what is searched.
        bad: whether a value lies in the region.
        good: values outside of it that were tried; the ends of what is left, for numbers.
    """
    if isinstance(range_, Choice):
        left = [option for option in range_.options if not bad(option)]
        return Choice(*left, when=range_.when) if 1 < len(left) < len(range_.options) else None
    if not good or min(good) == max(good):
        return None
    if bad(range_.high):
        return replace(range_, high=max(good))
    return replace(range_, low=min(good)) if bad(range_.low) else None


def _goal(range_: Numeric, side: Side) -> float:
    """Where the end would go if the setting had no limit."""
    sign = -1 if side == "low" else 1
    end = range_.low if side == "low" else range_.high
    if _is_logarithmic(range_):
        factor = max(2.0, (range_.high / range_.low) ** SHARE)
        return float(f"{end * factor**sign:.1g}" if isinstance(range_, Log) else end * factor**sign)
    width = (range_.high - range_.low) or max(abs(end), 1)
    goal = end + sign * max(SHARE * width, _step(range_))
    return max(goal, 0.0) if range_.low >= 0 else float(f"{goal:.6g}")


def _last_allowed_step(end: float, goal: float, step: float, is_allowed: Callable[[float], bool]) -> float:
    """The farthest point toward the goal, in whole steps from the end, that is allowed."""
    sign = 1 if goal > end else -1
    whole = isinstance(end, int) and isinstance(step, int)

    def at(count: int) -> float:
        return end + sign * count * step if whole else float(f"{end + sign * count * step:.12g}")

    least, most = 0, max(0, math.floor(abs(goal - end) / step + 1e-9))
    while least < most:  # the allowed counts are the first ones
        middle = (least + most + 1) // 2
        least, most = (middle, most) if is_allowed(at(middle)) else (least, middle - 1)
    return at(least)


def _last_allowed(end: float, goal: float, is_allowed: Callable[[float], bool]) -> float:
    """The goal, or the setting's limit before it, or a point just before that where the limit is no value itself."""
    if is_allowed(goal):
        return goal
    inside, outside = end, goal
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if is_allowed(middle) else (inside, middle)
    limit = float(f"{inside:.9g}")
    return limit if is_allowed(limit) else float(f"{end + 0.9 * (limit - end):.3g}")


def _step(range_: Numeric) -> float:
    return 0.0 if isinstance(range_, Log) else range_.step or 0.0


def _is_logarithmic(range_: Numeric) -> bool:
    return isinstance(range_, Log) or (isinstance(range_, Int) and range_.log)


def _scaled(range_: Numeric, value: float) -> float:
    return math.log(value) if _is_logarithmic(range_) else float(value)
