"""Optuna's side of samplers whose proposals follow from the trial's number alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler

from mapsto.search.problem import Problem

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


class ByNumber(BaseSampler):
    """Asks a function of the trial's number and the range's name for each value.

    Nothing is kept in the storage, so a trial that is asked for again has the same values.

    Args:
        value_of: value of a range in the proposal with this number, counted from 0.
        problem: trial 0 has the default recipe where there is one, so that counting begins after it.
    """

    def __init__(self, value_of: Callable[[int, str], Any], problem: Problem) -> None:
        self.value_of, self.first = value_of, int(bool(problem.default))

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self.value_of(max(0, trial.number - self.first), param_name)
