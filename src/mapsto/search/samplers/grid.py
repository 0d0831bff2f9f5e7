"""Grid search: every combination, in a random order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto.errors import RecipeError
from mapsto.recipe.ranges import Choice, Int, Range, Uniform
from mapsto.search.samplers.base import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

MAX_POINTS = 100_000


class Grid(Sampler):
    """All combinations of choices, integers and stepped ranges, each once."""

    title: ClassVar[str] = "grid search"

    def build(self, ranges: Mapping[str, Range], seed: int) -> BaseSampler:
        from optuna.samplers import GridSampler  # here, since optuna takes a quarter of a second to import

        # The order of the grid must not change from trial to trial, so it does not depend on the trial's seed.
        class WithoutStop(GridSampler):
            """Optuna's stops its own loop after the last point; here the study counts the points (`size`)."""

            def after_trial(self, study: Any, trial: Any, state: Any, values: Any) -> None:
                del study, trial, state, values

        return WithoutStop({name: points(name, range_) for name, range_ in ranges.items()}, seed=0)

    def size(self, ranges: Mapping[str, Range]) -> int | None:
        return math.prod(len(points(name, range_)) for name, range_ in ranges.items())


def points(name: str, range_: Range) -> list[Any]:
    """The values of a range on a grid.

    Raises:
        RecipeError: it is continuous, or has more values than anyone would try.
    """
    match range_:
        case Choice():
            return list(range_.options)
        case Int(log=False) if (range_.high - range_.low) // range_.step < MAX_POINTS:
            return list(range(range_.low, range_.high + 1, range_.step))
        case Uniform(step=float(step)) if (range_.high - range_.low) / step < MAX_POINTS:
            count = math.floor((range_.high - range_.low) / step + 1e-9) + 1
            return [range_.low + index * step for index in range(count)]
    raise RecipeError(
        f"Grid search needs a list of values for each setting, and `{name}: {range_}` has no end of them. Write "
        f"`choice(...)` or give a `step`, or search with `search.sampler: tpe`."
    )
