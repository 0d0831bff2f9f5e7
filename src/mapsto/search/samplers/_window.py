"""TPE that looks at a part of a long study, so that a proposal costs the same at trial 300 and at trial 5,000."""

from __future__ import annotations

import heapq
from collections.abc import Container
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from mapsto.metrics.base import Direction

MOST_SEEN = 300
"""Finished trials that are looked at, once there are more."""

BEST = 25
"""Optuna's TPE takes no more trials than that for good ones."""

MANY_VALUES = 32
"""Whole numbers from so many on are modelled as numbers with a fraction, and rounded. What lies between two bounds is
worked out one pair of numbers at a time in Optuna, which takes most of the time of a proposal."""


class WindowTPE(TPESampler):
    """Looks at the best trials and at the latest of the others.

    The density of the good trials is then the same as without a limit. That of the others comes from the latest, which
    is where most of its weight lies anyway: TPE lets a trial count the less the older it is. Made anew for each trial.
    """

    _seen: Study | None = None

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return super().infer_relative_search_space(self._window(study), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return super().sample_relative(self._window(study), trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return super().sample_independent(self._window(study), trial, param_name, param_distribution)

    def _sample(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        whole = {
            n: d for n, d in search_space.items() if isinstance(d, IntDistribution) and _num_values(d) >= MANY_VALUES
        }
        relaxed = {name: _relaxed(distribution) for name, distribution in whole.items()}
        drawn = super()._sample(study, trial, search_space | relaxed)
        return drawn | {name: _rounded(distribution, drawn[name]) for name, distribution in whole.items()}

    def _window(self, study: Study) -> Study:
        if self._seen is None:
            self._seen = _Window(study)
        return self._seen


class _Window(Study):
    """A study with only a part of its trials, as they were when it was made."""

    def __init__(self, study: Study) -> None:
        vars(self).update(vars(study))
        names: list[Direction] = ["maximize" if d.name == "MAXIMIZE" else "minimize" for d in study.directions]
        self._trials = seen(study.get_trials(deepcopy=False), names)

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        del deepcopy, use_cache  # samplers only read
        return [trial for trial in self._trials if states is None or trial.state in states]


def seen(trials: list[FrozenTrial], directions: list[Direction]) -> list[FrozenTrial]:
    """Trials that are worth a look: all that run, and of the finished the best and the latest, in their order.

    With several objectives, those count as best that are so in one of them.
    """
    useful = [trial for trial in trials if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    if len(useful) <= MOST_SEEN:
        return trials
    kept = {trial.number for trial in trials if not trial.state.is_finished()}
    complete = [trial for trial in useful if trial.state == TrialState.COMPLETE]
    for index, direction in enumerate(directions):
        choose = heapq.nlargest if direction == "maximize" else heapq.nsmallest
        kept |= {trial.number for trial in choose(BEST, complete, key=lambda trial: trial.values[index])}
    for trial in reversed(useful):
        if len(kept) >= MOST_SEEN:
            break
        kept.add(trial.number)
    return [trial for trial in trials if trial.number in kept]


def _num_values(whole: IntDistribution) -> int:
    return (whole.high - whole.low) // whole.step + 1


def _relaxed(whole: IntDistribution) -> FloatDistribution:
    """Half a step further on either side, so that the ends are as likely as what lies between."""
    half = whole.step / 2
    return FloatDistribution(whole.low - half, whole.high + half, log=whole.log)


def _rounded(whole: IntDistribution, value: float) -> int:
    steps = round((value - whole.low) / whole.step)
    return whole.low + min(max(steps, 0), _num_values(whole) - 1) * whole.step
