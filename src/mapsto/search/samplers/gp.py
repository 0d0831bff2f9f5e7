"""Gaussian process: Bayesian search that models the score itself."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from mapsto.search.problem import Problem
from mapsto.search.samplers._tpe import build_tpe, startup_trials
from mapsto.search.samplers.base import Sampler

if TYPE_CHECKING:
    from optuna import Study
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

MAX_TRIALS = 300
"""Finished trials that the process is fitted to. Beyond it a proposal takes seconds, and soon minutes."""


class GP(Sampler):
    """Proposes where the expected improvement is largest under a Gaussian process (Matérn 5/2, a length per range).

    Snoek, Larochelle and Adams, "Practical Bayesian optimization of machine learning algorithms", NeurIPS 2012; Ament
    et al. 2023, arXiv:2310.20708, for the logarithm of the improvement. It makes the most of few trials and takes the
    longest to think: the cost of a proposal grows with the cube of the trials. Beyond 300 finished trials TPE proposes
    instead. The first proposals are random, as with TPE, and conditional ranges are proposed by TPE throughout.

    A pruned trial counts with the best score that it had, which is on the safe side, and an infeasible one with the
    worst of all: what is not modelled would be proposed again. Optuna runs torch on one thread here, so that a
    proposal is the same on every machine with the same libraries.
    """

    title: ClassVar[str] = "Bayesian search (Gaussian process)"
    many_objectives: ClassVar[bool] = True

    def build(self, problem: Problem, seed: int) -> BaseSampler:
        from optuna.samplers import GPSampler  # here, since optuna takes a quarter of a second to import

        from mapsto.search.samplers._view import Viewing, view

        def seen(study: Study) -> tuple[BaseSampler, Study]:
            trials = study.get_trials(deepcopy=False)
            tpe = build_tpe(problem, seed)
            if sum(other.state.is_finished() for other in trials) > MAX_TRIALS:
                return tpe, study
            process = GPSampler(
                seed=seed,
                independent_sampler=tpe,
                n_startup_trials=startup_trials(problem),
                warn_independent_sampling=False,
            )
            return process, view(study, functools.partial(_values, problem=problem, infeasible=_worst(trials, problem)))

        return Viewing(seen, seed)


def _values(trial: FrozenTrial, problem: Problem, infeasible: list[float] | None) -> list[float] | None:
    from mapsto.search.samplers._view import best_until, is_infeasible

    if is_infeasible(trial):
        return infeasible
    if trial.state.name == "PRUNED" and len(problem.directions) == 1:
        best = best_until(trial, math.inf, problem.directions[0])
        return None if best is None else [best]
    values: list[float] | None = trial.values
    return values


def _worst(trials: Sequence[FrozenTrial], problem: Problem) -> list[float] | None:
    """The worst of each objective that any trial has; None where none has any."""
    known = [values for trial in trials if (values := _values(trial, problem, None))]
    if not known:
        return None
    columns = zip(problem.directions, zip(*known, strict=True), strict=True)
    return [min(column) if direction == "maximize" else max(column) for direction, column in columns]
