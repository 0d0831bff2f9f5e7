"""BOHB: Bayesian search whose model sees the scores at the largest fidelity that enough trials reached."""

from __future__ import annotations

import functools
import math
import random
from typing import TYPE_CHECKING, ClassVar

from mapsto.recipe.seeds import derive
from mapsto.search.problem import Problem
from mapsto.search.samplers._scales import check_objectives
from mapsto.search.samplers._tpe import build_tpe
from mapsto.search.samplers.base import Sampler

if TYPE_CHECKING:
    from optuna import Study
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

    from mapsto.metrics.base import Direction

RANDOM_SHARE = 1 / 3
"""Of the proposals; with it the search is never slower than Hyperband by more than a constant."""


class BOHB(Sampler):
    """TPE for trials of several fidelities; meant for `search.pruner: hyperband`.

    Falkner, Klein and Hutter, "BOHB: robust and efficient hyperparameter optimization at scale", 2018,
    arXiv:1807.01774. Scores at different fidelities cannot be compared, so the model takes one: the largest that at
    least as many trials reached as there are ranges, and three more. Each of these trials counts with its best score
    up to there, whether it went on or not; the others are left out. A trial that came to its end by itself has
    reached every fidelity. A third of the proposals is random, as in the paper, and so are those before the first
    model.
    """

    title: ClassVar[str] = "BOHB"

    def build(self, problem: Problem, seed: int) -> BaseSampler:
        check_objectives(problem, "bohb")
        from mapsto.search.samplers._view import Viewing, view  # here, since it imports optuna

        needed = len(problem.ranges) + 3
        is_random = random.Random(derive(seed, "share")).random() < RANDOM_SHARE

        def seen(study: Study) -> tuple[BaseSampler, Study] | None:
            reached = sorted(map(_reached, study.get_trials(deepcopy=False)), reverse=True)
            if is_random or len(reached) < needed or reached[needed - 1] == 0:
                return None
            told = functools.partial(_score, fidelity=reached[needed - 1], direction=problem.directions[0])
            return build_tpe(problem, seed, startup=0), view(study, told)

        return Viewing(seen, seed)


def _reached(trial: FrozenTrial) -> float:
    """Units of fidelity that a trial did: without end where it is complete, none where nothing was measured."""
    from mapsto.search.samplers._view import is_infeasible

    if trial.state.name not in ("COMPLETE", "PRUNED") or is_infeasible(trial):
        return 0
    return math.inf if trial.state.name == "COMPLETE" else max(trial.intermediate_values, default=0)


def _score(trial: FrozenTrial, fidelity: float, direction: Direction) -> list[float] | None:
    """Best score up to a fidelity, or None where a trial did not reach it."""
    from mapsto.search.samplers._view import best_until

    if _reached(trial) < fidelity:
        return None
    best = best_until(trial, fidelity, direction)
    return trial.values if best is None or fidelity == math.inf else [best]
