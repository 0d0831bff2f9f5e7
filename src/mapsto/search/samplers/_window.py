"""TPE that looks at a part of a long study, so that a proposal costs the same at trial 300 and at trial 5,000."""

from __future__ import annotations

import heapq
from collections.abc import Container
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.search_space import IntersectionSearchSpace
from optuna.search_space.group_decomposed import _GroupDecomposedSearchSpace
from optuna.storages import BaseStorage
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
        past, trials = _Past.of(study), study.get_trials(deepcopy=False)
        self._seen = _Window(study, past.window(trials))
        self._search_space = past.common
        if self._group:
            self._group_decomposed_search_space = past.groups
        return super().infer_relative_search_space(_Window(study, trials), trial)

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
            name: distribution
            for name, distribution in search_space.items()
            if isinstance(distribution, IntDistribution) and _num_values(distribution) >= MANY_VALUES
        }
        relaxed = {name: _relaxed(distribution) for name, distribution in whole.items()}
        drawn = super()._sample(study, trial, search_space | relaxed)
        return drawn | {name: _rounded(distribution, drawn[name]) for name, distribution in whole.items()}

    def _window(self, study: Study) -> Study:
        if self._seen is None:
            self._seen = _Window(study, _Past.of(study).window(study.get_trials(deepcopy=False)))
        return self._seen


class _Window(Study):
    """A study with only a part of its trials, as they were when it was made."""

    def __init__(self, study: Study, trials: list[FrozenTrial]) -> None:
        vars(self).update(vars(study))
        self._trials = trials

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        del deepcopy, use_cache  # samplers only read
        return [trial for trial in self._trials if states is None or trial.state in states]


class _Past:
    """What follows from the finished trials of a study and is not worked out again for each: they do not change.

    Attributes:
        common, groups: the settings that trials have in common, as Optuna finds them.
    """

    _known: ClassVar[WeakKeyDictionary[BaseStorage, dict[int, _Past]]] = WeakKeyDictionary()

    def __init__(self, directions: list[Direction]) -> None:
        self.common = IntersectionSearchSpace(include_pruned=True)
        self.groups = _GroupDecomposedSearchSpace(include_pruned=True)
        self._directions = directions
        self._count = 0  # of the trials from the first on that are all finished and have been looked at
        self._best: list[list[FrozenTrial]] = [[] for _ in directions]

    @classmethod
    def of(cls, study: Study) -> _Past:
        """The one of this study, as long as its storage is open."""
        studies = cls._known.setdefault(study._storage, {})
        if study._study_id not in studies:
            studies[study._study_id] = cls(
                ["maximize" if d.name == "MAXIMIZE" else "minimize" for d in study.directions]
            )
        return studies[study._study_id]

    def window(self, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        """Trials that are worth a look, in their order: all that run, and of the finished the best and the latest.

        With several objectives, those count as best that are so in one of them.
        """
        first = next((i for i in range(self._count, len(trials)) if not trials[i].state.is_finished()), len(trials))
        self._best = [
            _best([*old, *trials[self._count : first]], index, direction)
            for index, (old, direction) in enumerate(zip(self._best, self._directions, strict=True))
        ]
        self._count = first
        kept = {trial.number: trial for best in self._best for trial in best}
        for trial in reversed(trials):
            if len(kept) >= MOST_SEEN and trial.number < first:
                break
            if trial.state != TrialState.FAIL:
                kept[trial.number] = trial
        return [kept[number] for number in sorted(kept)]


def _best(trials: list[FrozenTrial], index: int, direction: Direction) -> list[FrozenTrial]:
    """The best in one objective, the earlier of equals first."""
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    choose = heapq.nlargest if direction == "maximize" else heapq.nsmallest
    return choose(BEST, complete, key=lambda trial: trial.values[index])


def _num_values(whole: IntDistribution) -> int:
    return (whole.high - whole.low) // whole.step + 1


def _relaxed(whole: IntDistribution) -> FloatDistribution:
    """Half a step further on either side, so that the ends are as likely as what lies between."""
    half = whole.step / 2
    return FloatDistribution(whole.low - half, whole.high + half, log=whole.log)


def _rounded(whole: IntDistribution, value: float) -> int:
    steps = round((value - whole.low) / whole.step)
    return whole.low + min(max(steps, 0), _num_values(whole) - 1) * whole.step
