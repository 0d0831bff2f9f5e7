"""CMA-ES whose state is worked out anew from the finished trials, and never stored."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.search_space import IntersectionSearchSpace
from optuna.trial import FrozenTrial, TrialState

from mapsto._imports import require
from mapsto.search.problem import Problem
from mapsto.search.samplers._scales import share_of, value_at

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from optuna import Study
    from optuna.distributions import BaseDistribution

SIGMA = 0.25
"""Standard deviation of the first distribution, as a share of each range."""


class Replay(BaseSampler):
    """Tells the finished trials to `cmaes.CMA`, generation by generation in the order of their numbers, and asks it.

    The numeric ranges that every trial had take part, each from 0 to 1 on its own scale; the others are proposed one
    by one by TPE.

    Args:
        problem: what is searched.
        seed: of this one proposal.
    """

    def __init__(self, problem: Problem, seed: int) -> None:
        self.cma = require("cmaes", extra="search", purpose="The sampler `cmaes`").CMA
        self.problem, self.seed = problem, seed
        self.others = TPESampler(seed=seed, multivariate=False)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        space = IntersectionSearchSpace(include_pruned=True).calculate(study)
        return {
            name: distribution
            for name, distribution in space.items()
            if not distribution.single() and not isinstance(distribution, CategoricalDistribution)
        }

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        names = sorted(search_space)
        if not names:
            return {}
        told = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
        optimizer = self._replayed(told, names)
        if optimizer is None:
            return {}
        optimizer.reseed_rng(self.seed)
        return {
            name: value_at(self.problem.ranges[name], float(share))
            for name, share in zip(names, optimizer.ask(), strict=True)
        }

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self.others.sample_independent(study, trial, param_name, param_distribution)

    def _replayed(self, told: list[FrozenTrial], names: list[str]) -> Any:
        """The optimizer after all whole generations; None before the first, whose trials are random."""
        size = 4 + math.floor(3 * math.log(len(names)))
        generations = [told[start : start + size] for start in range(0, len(told) - size + 1, size)]
        if not generations:
            return None
        first = self._ranked(generations[0])[0]
        optimizer = self.cma(
            mean=self._point(first, names),
            sigma=SIGMA,
            bounds=np.tile([0.0, 1.0], (len(names), 1)),
            seed=self.seed,
            population_size=size,
        )
        for generation in generations[1:]:
            # CMA-ES looks at ranks alone, and these exist for trials without a final score too.
            ranked = self._ranked(generation)
            optimizer.tell([(self._point(trial, names), float(rank)) for rank, trial in enumerate(ranked)])
        return optimizer

    def _point(self, trial: FrozenTrial, names: list[str]) -> NDArray[np.float64]:
        return np.array([share_of(self.problem.ranges[name], trial.params[name]) for name in names])

    def _ranked(self, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        """Complete trials by their scores, then the pruned, those that came farther first, then the infeasible."""
        sign = -1.0 if self.problem.directions[0] == "maximize" else 1.0

        def key(trial: FrozenTrial) -> tuple[float, float, float]:
            violation = sum(max(0.0, excess) for excess in trial.constraints.values())
            if trial.state == TrialState.COMPLETE:
                return violation, -math.inf, sign * float(trial.values[0])
            step = max(trial.intermediate_values, default=-1)
            score = trial.intermediate_values.get(step, math.nan)
            return violation, -float(step), math.inf if math.isnan(score) else sign * score

        return sorted(trials, key=key)
