"""A study seen otherwise than it was told: another sampler proposes from the view."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler, RandomSampler
from optuna.storages import InMemoryStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from mapsto.metrics.base import Direction

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Seen = Callable[[Study], tuple[BaseSampler, Study] | None]
"""Chooses who proposes, and from which view of a study; None: a random sampler."""


class Viewing(BaseSampler):
    """Lets another sampler propose from a view of the study, which itself is left as it is.

    Args:
        seen: who proposes, and from what.
        seed: of the random proposals where nobody does.
    """

    def __init__(self, seen: Seen, seed: int) -> None:
        self.seen, self.random = seen, RandomSampler(seed=seed)
        self.proposing: tuple[BaseSampler, Study] | None = None

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        self.proposing = self.seen(study)
        if self.proposing is None:
            return {}
        sampler, view = self.proposing
        return sampler.infer_relative_search_space(view, _same(trial, view))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if self.proposing is None:
            return {}
        sampler, view = self.proposing
        return sampler.sample_relative(view, _same(trial, view), search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        sampler, view = self.proposing or (self.random, study)
        return sampler.sample_independent(view, _same(trial, view), param_name, param_distribution)


def view(study: Study, told: Callable[[FrozenTrial], Sequence[float] | None]) -> Study:
    """A study in memory with the same trials, whose finished ones have other values.

    Args:
        study: is not changed.
        told: the values of a finished trial; None: it is not to be learned from. An infeasible one without values
            stays as it is.
    """
    storage = InMemoryStorage()
    seen = Study(storage.get_study_name_from_id(storage.create_new_study(study.directions, "view")), storage)
    for trial in study.get_trials(deepcopy=False):
        values = told(trial) if trial.state.is_finished() else None
        is_kept = not trial.state.is_finished() or (values is None and is_infeasible(trial))
        copy = FrozenTrial(
            number=trial.number,
            trial_id=-1,  # the storage gives it
            state=trial.state if is_kept else TrialState.FAIL if values is None else TrialState.COMPLETE,
            value=None,
            values=None if values is None else list(values),
            params=trial.params,
            distributions=trial.distributions,
            intermediate_values={},
            user_attrs={},
            system_attrs=trial.system_attrs if is_kept else {},
            datetime_start=trial.datetime_start,
            datetime_complete=trial.datetime_complete,
        )
        storage.create_new_trial(seen._study_id, template_trial=copy)
    return seen


def is_infeasible(trial: FrozenTrial) -> bool:
    """Whether it is beyond one of the limits."""
    return any(violation > 0 for violation in trial.constraints.values())


def best_until(trial: FrozenTrial, fidelity: float, direction: Direction) -> float | None:
    """The best score that a trial reported up to a fidelity; None where it reported none."""
    known = [value for step, value in trial.intermediate_values.items() if step <= fidelity and not math.isnan(value)]
    return (max if direction == "maximize" else min)(known) if known else None


def _same(trial: FrozenTrial, study: Study) -> FrozenTrial:
    """The trial with the same number; those of a view have other identities in their storage."""
    return study.get_trials(deepcopy=False)[trial.number]
