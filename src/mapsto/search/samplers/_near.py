"""Recipes in the neighborhood of those that are known to be good beforehand."""

from __future__ import annotations

import random
from typing import Any

from mapsto.recipe.ranges import Choice, Range
from mapsto.recipe.scalars import same
from mapsto.search.problem import Problem
from mapsto.search.samplers._scales import is_active, share_of, value_at

KEPT = 0.7
"""Probability that a choice is that of the recipe nearby."""

DRAWS = 20

SPREAD = 0.15
"""Standard deviation of a number, as a share of its range, on the range's own scale."""


def near(problem: Problem, seed: int) -> dict[str, Any]:
    """Values by dotted name, each drawn around that of the default recipe or of one that did well on other data.

    Ranges that are not active there have none. It is not that recipe itself, unless chance insists.
    """
    rng = random.Random(seed)
    center = rng.choice([problem.default, *problem.learned])
    for _ in range(DRAWS):
        chosen: dict[str, Any] = {}
        for name, value in center.items():
            if is_active(problem.ranges, name, chosen):
                chosen[name] = _near(problem.ranges[name], value, rng)
        if chosen != center:
            break
    return chosen


def _near(range_: Range, value: Any, rng: random.Random) -> Any:
    if isinstance(range_, Choice):
        others = [option for option in range_.options if not same(option, value)]
        return value if not others or rng.random() < KEPT else rng.choice(others)
    share = rng.gauss(share_of(range_, value), SPREAD)
    return value_at(range_, min(max(share, 0.0), 1.0))
