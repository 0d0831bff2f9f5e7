"""What the genetic samplers share: how large a population is, and who belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optuna.samplers import NSGAIIISampler, NSGAIISampler

from mapsto.search.problem import Problem

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

GENERATIONS = 8
"""What a study of a known number of trials is divided into; fewer generations hardly select."""


def population_size(problem: Problem) -> int:
    """Trials of one generation: an eighth of those that the study will hold, at least 8 and at most 50; else 20."""
    return 20 if problem.n_trials is None else max(8, min(50, problem.n_trials // GENERATIONS))


class NSGAIIOfAll(NSGAIISampler):
    """Optuna's counts only trials that it proposed itself; here the default recipe is of the population too."""

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self.get_trial_generation(study, trial)
        super().before_trial(study, trial)


class NSGAIIIOfAll(NSGAIIISampler):
    """The same for the other one."""

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self.get_trial_generation(study, trial)
        super().before_trial(study, trial)
