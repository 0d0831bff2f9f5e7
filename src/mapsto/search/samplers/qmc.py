"""Quasi-random search: points of a Sobol sequence, which leave smaller gaps than random ones."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto.recipe.seeds import derive
from mapsto.search.problem import Problem
from mapsto.search.samplers._scales import value_at
from mapsto.search.samplers.base import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

MAX_DIMENSIONS = 21_201
"""Of scipy's table; ranges beyond it would take the same numbers again."""


class QMC(Sampler):
    """The sequence of Sobol 1967, scrambled as in Owen 1998: every stretch of 2^k points spreads evenly.

    Each range has a coordinate of its own, options and steps taking equal parts of it; where a range is not active its
    coordinate is not used. The scrambling comes from the study's seed, and the point is the trial's number, so that
    the trials of all processes lie on one sequence. (Optuna's own keeps a counter in the storage, which runs ahead
    whenever an interrupted trial is asked for again.)
    """

    title: ClassVar[str] = "quasi-random search (Sobol)"
    many_objectives: ClassVar[bool] = True

    def build(self, problem: Problem, seed: int) -> BaseSampler:
        from mapsto.search.samplers._by_number import ByNumber  # here, since it imports optuna

        column = {name: index for index, name in enumerate(sorted(problem.ranges))}
        scramble = derive(problem.seed, "qmc")

        def value_of(number: int, name: str) -> Any:
            return value_at(problem.ranges[name], _point(len(column), scramble, number)[column[name] % MAX_DIMENSIONS])

        return ByNumber(value_of, problem)


@functools.lru_cache(maxsize=4)
def _point(dimensions: int, seed: int, number: int) -> list[float]:
    """A point of the scrambled sequence, each coordinate in [0, 1)."""
    from scipy.stats.qmc import Sobol  # here, since it takes a second to import

    sequence = Sobol(min(dimensions, MAX_DIMENSIONS), scramble=True, rng=seed)
    if number:
        sequence.fast_forward(number)
    return [float(share) for share in sequence.random(1)[0]]
