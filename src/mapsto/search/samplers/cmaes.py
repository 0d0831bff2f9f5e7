"""CMA-ES: an evolution strategy that learns which directions of the space matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mapsto.search.problem import Problem
from mapsto.search.samplers._scales import check_objectives
from mapsto.search.samplers.base import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class CMAES(Sampler):
    """Draws from a normal distribution whose mean and covariance follow the better half of each generation.

    Hansen, "The CMA evolution strategy: a tutorial", 2016, arXiv:1604.00772. A generation has 4 + 3·ln(ranges) trials.
    The first one is random (with the default recipe in it) and its best trial the first mean. For numeric ranges and
    hundreds of trials; a choice, and a range that is not always active, is proposed by TPE, one by one.

    The state is not stored: each proposal tells all finished trials to a new optimizer in the order of their numbers.
    That takes less than a millisecond a generation, and no run folder holds a pickle, as it would with Optuna's own
    sampler. Pruned trials rank behind the complete ones of their generation, and infeasible ones behind all.
    """

    title: ClassVar[str] = "evolution strategy (CMA-ES)"

    def build(self, problem: Problem, seed: int) -> BaseSampler:
        check_objectives(problem, "cmaes")
        from mapsto.search.samplers._replay import Replay  # here, since it imports optuna

        return Replay(problem, seed)
