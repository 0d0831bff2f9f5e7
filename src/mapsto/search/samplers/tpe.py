"""Tree-structured Parzen estimator: Bayesian search that models where good trials lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mapsto.search.samplers.base import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from mapsto.search.problem import Problem


class TPE(Sampler):
    """Proposes where the density of good trials is highest against that of the others.

    Bergstra et al., "Algorithms for hyper-parameter optimization", NeurIPS 2011; multivariate as in Falkner, Klein and
    Hutter 2018, arXiv:1807.01774. The first proposals are random: twice as many as there are ranges, at least 5 and at
    most 10, since a model of fewer points knows nothing.
    """

    title: ClassVar[str] = "Bayesian search (TPE)"

    def build(self, problem: Problem, seed: int) -> BaseSampler:
        from optuna.samplers import TPESampler  # here, since optuna takes a quarter of a second to import

        return TPESampler(seed=seed, multivariate=True, n_startup_trials=max(5, min(10, 2 * len(problem.ranges))))
