"""Tree-structured Parzen estimator: Bayesian search that models where good trials lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mapsto.search.problem import Problem
from mapsto.search.samplers._tpe import build_tpe
from mapsto.search.samplers.base import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class TPE(Sampler):
    """Proposes where the density of good trials is highest against that of the others.

    Bergstra et al., "Algorithms for hyper-parameter optimization", NeurIPS 2011; multivariate as in Falkner, Klein and
    Hutter 2018, arXiv:1807.01774; for several objectives as in Ozaki et al., JAIR 2022. The first proposals are
    random: twice as many as there are ranges, at least 5 and at most 10, since a model of fewer points knows nothing.
    Pruned trials count too, behind the complete ones and in the order in which they were stopped.
    """

    title: ClassVar[str] = "Bayesian search (TPE)"
    many_objectives: ClassVar[bool] = True

    def build(self, problem: Problem, seed: int) -> BaseSampler:
        return build_tpe(problem, seed)
