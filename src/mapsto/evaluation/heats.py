"""Which recipes come into the final, from how many runs: those that were tried twice count twice, and heats.

One run a recipe says little: of twenty recipes, one that is better by two standard deviations of a seed is among the
best two of one run each in fewer than three of four studies (simulated). So the recipes whose mean comes within one
standard error of the leader's are run once more, until no more are left than there are places in the final; it is then
among them in 95 %. Where recipes differ by much more than seeds do, that takes four or five runs.

Each function depends on the scores so far alone, so that a study which trains one recipe after the other and one that
trains several at once take the same way.

References:
    Kalyanakrishnan et al., 2012, "PAC subset selection in stochastic multi-armed bandits", for going on while intervals
    overlap. Efron and Morris, 1975, "Data analysis using Stein's estimator and its generalizations".
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from mapsto.metrics.base import Direction

HEAT = 4
"""Recipes that are run again together. From as many repeats the noise of a seed is first known."""

BETWEEN = 0.25
"""The variance between recipes is taken to be at least this share of that between seeds: 0 would make all alike."""


class Trained(Protocol):
    """What a training must tell; `mapsto.search.outcome.Outcome` does."""

    @property
    def number(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def score(self) -> float | None: ...
    @property
    def chosen(self) -> dict[str, Any]: ...
    @property
    def seed(self) -> int: ...


@dataclass(frozen=True)
class Group:
    """All trainings of one recipe.

    Attributes:
        number: the first trial that tried it.
        scores: one a seed, in the order of the trials.
        has_failed: whether a training of it failed or had no score, though another did not.
        estimate: what its mean over many seeds would be; see `grouped`.
    """

    number: int
    scores: tuple[float, ...]
    has_failed: bool = False
    estimate: float = math.nan

    @property
    def mean(self) -> float:
        """Mean over its runs."""
        return math.fsum(self.scores) / len(self.scores)


def grouped(outcomes: Iterable[Trained], direction: Direction) -> list[Group]:
    """Trainings by recipe, the most promising recipe first: what was proposed twice is one recipe with two runs.

    A run counts if it is complete, or was cut by time with a score where no other is complete. A training that was
    interrupted and continued (the same seed twice) is one run, with its last score.

    Where a recipe was repeated, the variance s² between seeds is known, and with it that between recipes, τ². The
    estimate is then the mean, drawn toward the mean of the better half by the factor τ² / (τ² + s² / runs), so that
    one lucky run does not stand above a solid mean. Without repeats it is the score. Recipes that failed come last.

    Example:
        >>> from mapsto.search.outcome import Outcome
        >>> def run(number, score, width):
        ...     return Outcome(number, "explore", "complete", "", score, 1, 1, 1, 1.0, 1, {"width": width}, seed=number)
        >>> found = grouped([run(0, 0.90, 16), run(1, 0.92, 32), run(2, 0.91, 32)], "maximize")
        >>> [(group.number, group.scores) for group in found]
        [(1, (0.92, 0.91)), (0, (0.9,))]
    """
    runs: dict[str, list[Trained]] = {}
    for outcome in sorted(outcomes, key=lambda o: o.number):
        runs.setdefault(json.dumps(outcome.chosen, sort_keys=True), []).append(outcome)
    groups = [group for found in runs.values() if (group := _group(found)).scores]
    sign = -1 if direction == "maximize" else 1
    groups = _estimated(sorted(groups, key=lambda g: (sign * g.mean, g.number)))
    return sorted(groups, key=lambda g: (g.has_failed, sign * g.estimate, g.number))


def _group(runs: list[Trained]) -> Group:
    complete = [run for run in runs if run.state == "complete" and _has_score(run)]
    counted = complete or [run for run in runs if run.state == "stopped" and _has_score(run)]
    by_seed = {run.seed: float(run.score or 0.0) for run in counted}
    has_failed = any(
        run.state in ("failed", "infeasible") or (run.state == "complete" and not _has_score(run)) for run in runs
    )
    return Group(runs[0].number, tuple(by_seed.values()), has_failed)


def _has_score(run: Trained) -> bool:
    return run.score is not None and math.isfinite(run.score)


def _estimated(groups: list[Group]) -> list[Group]:
    """Fills in the estimates of groups that are in the order of their means, the best first."""
    within = seed_variance(groups)
    if math.isnan(within):
        return [replace(group, estimate=group.mean) for group in groups]
    better = groups[: max(3, len(groups) // 2)]  # how far off the poor ones are says nothing about the good ones
    means, noise = np.array([g.mean for g in better]), within * float(np.mean([1 / len(g.scores) for g in better]))
    between = max(float(means.var(ddof=1) if len(means) > 1 else 0.0) - noise, BETWEEN * within)
    center = float(means.mean())

    def drawn(group: Group) -> float:
        variance = within / len(group.scores)
        return center + (group.mean - center) * (between / (between + variance) if variance else 1.0)

    return [replace(group, estimate=drawn(group)) for group in groups]


def seed_variance(groups: Iterable[Group]) -> float:
    """Variance between the seeds of a recipe, pooled over those that were repeated; NaN where none was."""
    repeated = [np.array(group.scores) for group in groups if len(group.scores) > 1]
    freedom = sum(len(scores) - 1 for scores in repeated)
    return math.fsum(float(((s - s.mean()) ** 2).sum()) for s in repeated) / freedom if freedom else math.nan


def contenders(
    groups: Sequence[Group], direction: Direction, *, num_finalists: int, max_repeats: int | None = None
) -> list[int]:
    """The recipes to train once more, each with a fresh seed, before the finalists are clear; empty once they are.

    To be asked again after these trainings, until it names none or the time is up. The first `HEAT` recipes are
    repeated in any case, and then those that come within one standard error of the best repeated one, those with the
    fewest runs first.

    Args:
        groups: of `grouped`.
        direction: of the metric.
        num_finalists: places in the final.
        max_repeats: runs at most beside the first of each recipe; None: as many as there are recipes.

    Returns:
        Numbers of at most `HEAT` groups.
    """
    groups = [group for group in groups if not group.has_failed]
    left = (len(groups) if max_repeats is None else max_repeats) - sum(len(group.scores) - 1 for group in groups)
    if len(groups) <= num_finalists or left <= 0:
        return []
    single = [group for group in groups if len(group.scores) == 1]
    repeated = [group for group in groups if len(group.scores) > 1]
    if not repeated or (single and sum(len(group.scores) - 1 for group in repeated) < HEAT):
        return [group.number for group in single[: min(HEAT, left)]]
    sign = 1 if direction == "maximize" else -1
    leader = max(repeated, key=lambda group: sign * group.mean)
    variance = seed_variance(groups)

    def reach(group: Group) -> float:
        error = math.sqrt(variance * (1 / len(group.scores) + 1 / len(leader.scores)))
        return sign * (group.mean - leader.mean) + error

    close = [group for group in groups if group is not leader and reach(group) > 0]
    if len(close) < num_finalists:
        return []
    fewest = min(len(group.scores) for group in close)
    next_ones = sorted((g for g in close if len(g.scores) == fewest), key=lambda g: (-reach(g), g.number))
    return [group.number for group in next_ones[: min(HEAT, left)]]


def finalists(groups: Sequence[Group], num_finalists: int, default: int | None = 0) -> list[int]:
    """Numbers of the recipes in the final: the first groups, and the default's recipe if it could be trained."""
    numbers = [group.number for group in groups]
    chosen = numbers[:num_finalists]
    return [*chosen, default] if default in numbers and default is not None and default not in chosen else chosen
