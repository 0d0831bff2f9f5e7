"""What samplers of our own share: the scale of a range, and which ranges are searched beside which values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mapsto.errors import RecipeError
from mapsto.recipe.families import SAMPLERS
from mapsto.recipe.leaves import holders, split
from mapsto.recipe.ranges import Choice, Int, Log, Range, Uniform
from mapsto.recipe.scalars import same
from mapsto.recipe.sections import FAMILIES
from mapsto.search.problem import Problem


def value_at(range_: Range, share: float) -> Any:
    """The value that lies so far up a range, on its own scale; options and steps take equal parts of it.

    Example:
        >>> round(value_at(Log(1e-4, 1e-2), 0.5), 6), value_at(Choice("a", "b"), 0.5), value_at(Int(1, 3), 0.0)
        (0.001, 'b', 1)

    Args:
        range_: where the value lies.
        share: in [0, 1].
    """
    match range_:
        case Log():
            low, high = math.log(range_.low), math.log(range_.high)
            return min(max(math.exp(low + share * (high - low)), range_.low), range_.high)
        case Uniform(step=None):
            return min(max(range_.low + share * (range_.high - range_.low), range_.low), range_.high)
        case Int(log=True):
            low, high = math.log(range_.low - 0.5), math.log(range_.high + 0.5)
            return min(max(round(math.exp(low + share * (high - low))), range_.low), range_.high)
        case Int() | Uniform() | Choice():
            count = num_values(range_) or 1
            return nth_value(range_, min(int(share * count), count - 1))


def share_of(range_: Range, value: Any) -> float:
    """How far up a range a value lies, on its own scale, in [0, 1]: the inverse of `value_at`.

    Example:
        >>> round(share_of(Log(1e-4, 1e-2), 1e-3), 6), share_of(Choice("a", "b"), "b")
        (0.5, 0.75)
    """
    match range_:
        case Log():
            low, high, at = math.log(range_.low), math.log(range_.high), math.log(value)
        case Int(log=True):
            low, high, at = math.log(range_.low - 0.5), math.log(range_.high + 0.5), math.log(value)
        case Uniform(step=None):
            low, high, at = range_.low, range_.high, value
        case Choice():
            index = next(index for index, option in enumerate(range_.options) if same(option, value))
            low, high, at = 0.0, float(len(range_.options)), index + 0.5
        case Int() | Uniform():
            low, high, at = 0.0, float(num_values(range_) or 1), (value - range_.low) / (range_.step or 1) + 0.5
    return 0.5 if high == low else min(max((at - low) / (high - low), 0.0), 1.0)


def num_values(range_: Range) -> int | None:
    """How many values a range has; None where it has no end of them."""
    match range_:
        case Choice():
            return len(range_.options)
        case Int():
            return (range_.high - range_.low) // range_.step + 1
        case Uniform(step=float(step)):
            return math.floor((range_.high - range_.low) / step + 1e-9) + 1
    return 1 if range_.low == range_.high else None


def nth_value(range_: Range, index: int) -> Any:
    """A value of a range that has an end of them, counted from the low end and from 0."""
    if isinstance(range_, Choice):
        return range_.options[index]
    if isinstance(range_, Log) or range_.step is None:
        return range_.low
    return min(range_.low + index * range_.step, range_.high)


def controls(ranges: Mapping[str, Range], name: str) -> list[str]:
    """Other ranges whose value decides whether a range is searched.

    Example:
        >>> ranges = {"optimizer.name": Choice("sgd", "adam"), "optimizer.nesterov": Choice(True, False)}
        >>> controls(ranges, "optimizer.nesterov"), controls(ranges, "optimizer.name")
        (['optimizer.name'], [])
    """
    when, member = ranges[name].when, _member(name)
    found = [] if when is None or when.leaf not in ranges else [when.leaf]
    if member != name and member in ranges and member not in found and not _all_have(ranges[member], name):
        found.append(member)
    return found


def is_active(ranges: Mapping[str, Range], name: str, chosen: Mapping[str, Any]) -> bool:
    """Whether a range is searched beside these values: its controls are, its condition holds, the member has it.

    Args:
        ranges: all that is searched. What is not among them is fixed, and no reason why a range would not be searched.
        name: of the range.
        chosen: values of its controls, as far as these are active.
    """
    when, needed = ranges[name].when, controls(ranges, name)
    if any(control not in chosen for control in needed):
        return False
    if when is not None and when.leaf in chosen and not when.holds(chosen[when.leaf]):
        return False
    member = _member(name)
    return member not in needed or bool(holders(name, [chosen[member]]))


def is_conditional(ranges: Mapping[str, Range]) -> bool:
    """Whether some ranges are searched only beside some values of others."""
    return any(controls(ranges, name) for name in ranges)


def check_objectives(problem: Problem, sampler: str) -> None:
    """Refuses several objectives for a sampler that searches for one.

    Raises:
        RecipeError: there are several.
    """
    if len(problem.directions) > 1:
        able = [name for name in SAMPLERS.names() if SAMPLERS.get(name).many_objectives]
        raise RecipeError(
            f"`search.sampler: {sampler}` searches for one objective, and this search has {len(problem.directions)}. "
            f"Leave `search.objectives` empty, or write one of {', '.join(able)}."
        )


def _member(name: str) -> str:
    """The leaf that names the member of a family which has this setting."""
    return f"{split(name)[0]}.name"


def _all_have(member: Range, name: str) -> bool:
    """Whether every member that may be chosen has such a setting."""
    if split(name)[0] not in FAMILIES or not isinstance(member, Choice):
        return True
    options = [str(option) for option in member.options]
    return len(holders(name, options)) == len(options)
