"""Random search: every proposal is independent of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mapsto.search.problem import Problem
from mapsto.search.samplers.base import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class Random(Sampler):
    """Uniform over each range, on its own scale. Bergstra and Bengio, "Random search for hyper-parameter
    optimization", JMLR 13, 2012.
    """

    title: ClassVar[str] = "random search"
    many_objectives: ClassVar[bool] = True

    def build(self, problem: Problem, seed: int) -> BaseSampler:
        from optuna.samplers import RandomSampler  # here, since optuna takes a quarter of a second to import

        return RandomSampler(seed=seed)
