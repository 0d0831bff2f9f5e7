"""Where in a space the trials lie that share a mark: the values of one setting that set them apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mapsto._messages import Message, say
from mapsto.recipe.leaves import shown
from mapsto.recipe.ranges import Choice, Range
from mapsto.recipe.scalars import Scalar, same
from mapsto.search.outcome import Outcome
from mapsto.search.widening import narrowed

MOST_BOUNDS = 24
"""Bounds of a range that are tried on either side; of more marked trials, some are passed over."""


@dataclass(frozen=True)
class Region:
    """Values of one setting: an option, or all numbers up to a bound, or all from one on.

    Attributes:
        leaf: dotted name of the setting.
        bound: the option, or the last number that belongs to it.
        side: `"low"` for numbers up to the bound, `"high"` for those from it on, `"option"`.
        size: trials that had such a value.
        marked: of these, those with the mark.
        chance: that so many of them, or more, would be marked if the setting had nothing to do with it.
    """

    leaf: str
    bound: Any
    side: str
    size: int = 0
    marked: int = 0
    chance: float = 1.0

    def holds(self, value: Any) -> bool:
        """Whether a value of the setting lies in it."""
        if self.side == "option":
            return same(value, self.bound)
        return bool(value <= self.bound if self.side == "low" else value >= self.bound)

    @property
    def words(self) -> Message:
        """What its values are, as a sentence has it after the setting's name."""
        value = shown(short(self.bound))
        if self.side == "option":
            return say("at {value}", value=value)
        return say("at most {value}", value=value) if self.side == "low" else say("at least {value}", value=value)

    def left_of(self, range_: Range, trials: Sequence[Outcome]) -> Range | None:
        """The range without it, as far as it was tried; None where nothing would be left to search."""
        values = [o.chosen[self.leaf] for o in trials if self.leaf in o.chosen]
        return narrowed(range_, self.holds, [value for value in values if not self.holds(value)])


def regions(
    ranges: Mapping[str, Range], trials: Sequence[Outcome], is_marked: Callable[[Outcome], bool]
) -> Iterable[Region]:
    """Regions that marked trials bound, each with its counts and Fisher's exact test of them."""
    total = sum(map(is_marked, trials))
    for leaf, range_ in ranges.items():
        had = [(o.chosen[leaf], is_marked(o)) for o in trials if leaf in o.chosen]
        for region in _bounded(leaf, range_, [value for value, mark in had if mark]):
            inside = [mark for value, mark in had if region.holds(value)]
            chance = chance_of(sum(inside), of=len(inside), marked=total, total=len(trials))
            yield Region(leaf, region.bound, region.side, len(inside), sum(inside), chance)


def _bounded(leaf: str, range_: Range, marked: Sequence[Scalar]) -> Iterable[Region]:
    if isinstance(range_, Choice):
        return [Region(leaf, option, "option") for option in range_.options]
    ordered = sorted(set(marked))  # type: ignore[type-var]  # numbers, since the range is one of numbers
    every = -(-len(ordered) // MOST_BOUNDS) or 1
    lower, upper = ordered[::-1][::every], ordered[::every]  # both begin at the bound that leaves none out
    return [*(Region(leaf, bound, "low") for bound in lower), *(Region(leaf, bound, "high") for bound in upper)]


def chance_of(hits: int, *, of: int, marked: int, total: int) -> float:
    """Chance that of so many, drawn from a total with so many marked, at least `hits` are marked (Fisher's test).

    Example:
        >>> round(chance_of(3, of=3, marked=4, total=10), 4)
        0.0333
    """
    least = max(hits, of - (total - marked))
    term = math.comb(marked, least) * math.comb(total - marked, of - least) if least <= of else 0
    ways = 0
    for k in range(least, min(of, marked) + 1):
        ways += term
        # The next term from this one, which for thousands of trials takes a thousandth of the time of two binomials.
        term = term * (marked - k) * (of - k) // ((k + 1) * (total - marked - of + k + 1))
    return ways / math.comb(total, of)


def short(value: Any) -> Any:
    """A value as a sentence has it: to three digits, where it is no whole number."""
    return float(f"{value:.3g}") if isinstance(value, float) else value
