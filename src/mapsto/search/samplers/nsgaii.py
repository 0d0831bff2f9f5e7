"""NSGA-II: a genetic algorithm for several objectives."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mapsto.search.problem import Problem
from mapsto.search.samplers.base import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class NSGAII(Sampler):
    """Crosses and mutates the trials that no other one beats in every objective, and keeps them far apart.

    Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE Transactions on Evolutionary
    Computation, 2002. A generation is an eighth of the trials, from 8 to 50; where their number is not known, 20. The
    first one is random. For one objective or few trials TPE finds more; this is for hundreds of trials.

    Generations and parents are kept in the study, so that a sampler made anew for each trial carries on. Trials that
    run when a generation is full are of that generation still, and only complete ones become parents.
    """

    title: ClassVar[str] = "genetic search (NSGA-II)"
    many_objectives: ClassVar[bool] = True

    def build(self, problem: Problem, seed: int) -> BaseSampler:
        from mapsto.search.samplers._genetic import NSGAIIOfAll, population_size  # here, since it imports optuna

        return NSGAIIOfAll(population_size=population_size(problem), seed=seed)
