"""Grid search: every combination, in a random order."""

from __future__ import annotations

import functools
import itertools
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto.errors import RecipeError
from mapsto.recipe.ranges import Int, Range, Uniform
from mapsto.recipe.seeds import derive
from mapsto.search.problem import Problem
from mapsto.search.samplers._scales import controls, is_active, nth_value, num_values
from mapsto.search.samplers.base import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

MAX_POINTS = 100_000
"""Values of one range, and combinations of those that others depend on: more than anyone would try."""


class Grid(Sampler):
    """All combinations of choices, integers and stepped ranges, each once.

    Combinations that differ only in ranges which are not active count as one. The order comes from the study's seed and
    the place in it is the trial's number, so that nothing is kept in the storage. A study that goes on with another one
    leaves out what was tried there.
    """

    title: ClassVar[str] = "grid search"
    many_objectives: ClassVar[bool] = True

    def build(self, problem: Problem, seed: int) -> BaseSampler:
        from mapsto.search.samplers._by_number import ByNumber  # here, since it imports optuna

        blocks = _blocks(problem.ranges)
        size = sum(block.size for block in blocks)
        order = derive(problem.seed, "grid")
        tried = [dict(chosen) for chosen in problem.tried if chosen]
        skipped = problem.begin - 1 if problem.default else 0

        @functools.cache
        def fresh() -> list[dict[str, Any]]:
            """All points that were not tried, in their order."""
            points = [_point(problem.ranges, blocks, index) for index in _drawn(size, size, order)]
            return [one for one in points if one not in tried] or points

        @functools.cache
        def point(number: int) -> dict[str, Any]:
            if tried:
                return fresh()[number % len(fresh())]
            return _point(problem.ranges, blocks, _drawn(size, number % size + 1, order)[-1])

        def value_of(number: int, name: str) -> Any:
            # A range that is active for a reason which lies outside the ranges has its first value.
            return point(number - skipped).get(name, nth_value(problem.ranges[name], 0))

        return ByNumber(value_of, problem)

    def size(self, ranges: Mapping[str, Range]) -> int | None:
        return sum(block.size for block in _blocks(ranges))


@dataclass(frozen=True)
class _Block:
    """All points that share the values of the ranges which others depend on."""

    fixed: dict[str, Any]
    sizes: dict[str, int]
    """Values of the other ranges that are active then."""

    @property
    def size(self) -> int:
        return math.prod(self.sizes.values())


def _blocks(ranges: Mapping[str, Range]) -> list[_Block]:
    sizes = {name: _checked_size(name, range_) for name, range_ in ranges.items()}
    deciding = {control for name in ranges for control in controls(ranges, name)}
    ordered = sorted(deciding, key=lambda name: (_depth(ranges, name), name))
    blocks = []
    for fixed in itertools.islice(_assignments(ranges, sizes, ordered, {}), MAX_POINTS):
        free = {name: sizes[name] for name in ranges if name not in deciding and is_active(ranges, name, fixed)}
        blocks.append(_Block(fixed, free))
    return blocks


def _checked_size(name: str, range_: Range) -> int:
    count = num_values(range_)
    if count is None or count > MAX_POINTS or (isinstance(range_, Int) and range_.log):
        raise RecipeError(
            f"Grid search needs a list of values for each setting, and `{name}: {range_}` has no end of them. Write "
            f"`choice(...)`{_or_step(range_)}, or search with `search.sampler: tpe`."
        )
    return count


def _or_step(range_: Range) -> str:
    return " or give a `step`" if isinstance(range_, Uniform) or (isinstance(range_, Int) and not range_.log) else ""


def _depth(ranges: Mapping[str, Range], name: str) -> int:
    """How many ranges have to be known one after the other before this one is."""
    return max((1 + _depth(ranges, control) for control in controls(ranges, name)), default=0)


def _assignments(
    ranges: Mapping[str, Range], sizes: Mapping[str, int], names: list[str], chosen: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """All values of ranges, each after those that it depends on; what is not active has none."""
    if not names:
        yield chosen
    elif not is_active(ranges, names[0], chosen):
        yield from _assignments(ranges, sizes, names[1:], chosen)
    else:
        for index in range(sizes[names[0]]):
            value = nth_value(ranges[names[0]], index)
            yield from _assignments(ranges, sizes, names[1:], {**chosen, names[0]: value})


def _drawn(size: int, count: int, seed: int) -> list[int]:
    """The first of the whole numbers below `size`, in a random order that is never written down."""
    rng, seen = random.Random(seed), dict[int, None]()
    while len(seen) < count:
        seen.setdefault(rng.randrange(size))
    return list(seen)


def _point(ranges: Mapping[str, Range], blocks: list[_Block], index: int) -> dict[str, Any]:
    """The values of the grid's point with this index."""
    for block in blocks:
        if index < block.size:
            break
        index -= block.size
    chosen = dict(block.fixed)
    for name, size in block.sizes.items():
        index, digit = divmod(index, size)
        chosen[name] = nth_value(ranges[name], digit)
    return chosen
