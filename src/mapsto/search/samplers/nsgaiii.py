"""NSGA-III: a genetic algorithm for four objectives and more."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, ClassVar

from mapsto.search.problem import Problem
from mapsto.search.samplers.base import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class NSGAIII(Sampler):
    """As NSGA-II, but survivors are spread over reference directions, which still works where there are many
    objectives and hardly any trial beats another in all of them.

    Deb and Jain, "An evolutionary many-objective optimization algorithm using reference-point-based nondominated
    sorting approach", IEEE Transactions on Evolutionary Computation, 2014. Generations are as for NSGA-II.
    """

    title: ClassVar[str] = "genetic search (NSGA-III)"
    many_objectives: ClassVar[bool] = True

    def build(self, problem: Problem, seed: int) -> BaseSampler:
        from mapsto.search.samplers._genetic import NSGAIIIOfAll, population_size  # here, since it imports optuna

        with warnings.catch_warnings():
            # It has been called experimental since Optuna 3.2, and the user can do nothing about it.
            warnings.simplefilter("ignore")
            return NSGAIIIOfAll(population_size=population_size(problem), seed=seed)
