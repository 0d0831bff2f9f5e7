"""Optuna's TPE as the samplers here use it: by itself, behind another, or on a view of the study."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from mapsto.search.problem import Problem
from mapsto.search.samplers._scales import is_conditional

if TYPE_CHECKING:
    from optuna.samplers import TPESampler


def startup_trials(problem: Problem) -> int:
    """Trials before the first that a model proposes: two a range, at least 5 and at most 10."""
    return max(5, min(10, 2 * len(problem.ranges)))


def build_tpe(problem: Problem, seed: int, *, startup: int | None = None) -> TPESampler:
    """Multivariate TPE; in groups of ranges that are active together, where some are conditional.

    Trials that still run count as poor (the "constant liar"), so that several at once do not crowd in one place. In a
    long study it looks at the best trials and the latest.

    Args:
        problem: what is searched.
        seed: of this one proposal.
        startup: random trials; None: `startup_trials`.
    """
    from mapsto.search.samplers._window import WindowTPE  # here, since optuna takes a quarter of a second to import

    with warnings.catch_warnings():
        # Groups have been called experimental since Optuna 2.8, and the user can do nothing about it.
        warnings.simplefilter("ignore")
        return WindowTPE(
            seed=seed,
            multivariate=True,
            group=is_conditional(problem.ranges),
            constant_liar=True,
            n_startup_trials=startup_trials(problem) if startup is None else startup,
        )
