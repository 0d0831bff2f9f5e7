"""What past studies teach a new one: the recipes that did well on data like these are tried first.

Of each past study of the same task and model family, every trial's recipe is put into the new space, with its regret:
the share of the other trials that did better. What regret it would have had in the other studies is estimated from
their trials around it, and `cover` chooses the recipes of which the best has a low regret, on average over the studies,
each weighted by how like its data are. So of recipes that do well on the same data one is tried, and then what does
well where it does not.

What is learned goes in as first trials alone. The sampler makes of their scores what it can, and if the past misleads,
no more than they are lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mapsto._messages import say
from mapsto.recipe.ranges import Choice
from mapsto.search.likeness import Description, distance
from mapsto.search.past import PastStudy, PastTrial, finished_runs
from mapsto.search.portfolio import portfolio
from mapsto.search.suggestions import Suggestion, cover, models_of, position, translated

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mapsto.data.prepared import Facts
    from mapsto.recipe.ranges import Range
    from mapsto.recipe.schema import SearchOptions
    from mapsto.recipe.space import Space

OTHER_OBJECTIVE = 1.0
"""What another objective adds to the squared distance of a past study: as much as ten times as many rows."""

WIDTH = 0.2
"""Of the kernel, in widths of the ranges: that far a trial says something about the recipes around it."""

UNKNOWN, WEIGHT_OF_UNKNOWN = 0.5, 0.1
"""Regret of a recipe of which nothing is known, and what that counts beside a trial of this very recipe."""

SAME = 1e-12
"""Squared distance below which two recipes are one."""

APART = 0.1
"""Of recipes that are nearer to each other than this, in widths of the ranges, one is tried."""

CANDIDATES = 10
"""Best recipes of each study that are considered."""


def first_trials(
    search: SearchOptions, facts: Facts, space: Space, defaults: Mapping[str, Any], objective: str, max_trials: int
) -> list[Suggestion]:
    """What should be tried right after the default recipe: what was learned, and then the portfolio, as is asked for.

    Raises:
        RunError: a folder in `search.learn_from` cannot be learned from.
    """
    found = remembered(search.learn_from, facts, space, defaults, objective, max_trials)
    if search.portfolio:
        known = [suggestion.chosen for suggestion in found]
        found += [s for s in portfolio(facts.task, space, defaults, max_trials) if s.chosen not in known]
    return found[:max_trials]


def remembered(
    paths: Iterable[str | Path],
    facts: Facts,
    space: Space,
    defaults: Mapping[str, Any],
    objective: str,
    max_trials: int,
) -> list[Suggestion]:
    """The recipes of past studies that should be tried first, in their order; the default recipe is none of them.

    Args:
        paths: folders of finished runs, or folders that hold runs, of which the finished ones count.
        facts: of the new data.
        space: what is searched now.
        defaults: values of leaves that the space leaves open, by dotted name.
        objective: name of the metric.
        max_trials: suggestions, at most.

    Raises:
        RunError: a folder is not there, is no run, is unfinished or is damaged.
    """
    here, models = Description.of(facts), models_of(space, defaults)
    studies, weights = [], []
    for study in map(PastStudy.read, finished_runs(paths)):
        trials = tuple(trial for trial in study.trials if trial.values.get("model.name") in models)
        apart = distance(here, study.description) ** 2 + OTHER_OBJECTIVE * (study.objective != objective)
        if len(trials) > 1 and np.isfinite(apart):  # a single recipe was compared with nothing
            studies.append(replace(study, trials=trials))
            weights.append(np.exp(-apart / 2))
    if not studies:
        return []
    return _chosen(studies, np.array(weights) / sum(weights), space, defaults, max_trials)


def _chosen(
    studies: Sequence[PastStudy],
    weights: NDArray[np.float64],
    space: Space,
    defaults: Mapping[str, Any],
    max_trials: int,
) -> list[Suggestion]:
    """The suggestions, from studies with their weights, which add up to 1."""
    ranges = space.ranges
    regrets = [np.array([trial.regret for trial in study.trials]) for study in studies]
    recipes = [[translated(trial.values, space, defaults) for trial in study.trials] for study in studies]
    tried = [_places(chosen, ranges) for chosen in recipes]
    best = [(n, int(i)) for n, regret in enumerate(regrets) for i in np.argsort(regret, kind="stable")[:CANDIDATES]]
    candidates = np.stack([_places([translated({}, space, defaults)], ranges)[0], *(tried[n][i] for n, i in best)])
    expected = np.stack([_expected(candidates, *past, ranges) for past in zip(tried, regrets, strict=True)], axis=1)
    kept = _distinct(candidates, expected @ weights, ranges)
    picks = [best[kept[place] - 1] for place in cover(expected[kept], weights, max_trials, start=expected[0])]
    return [Suggestion(recipes[n][i], str(studies[n].run), _why(studies[n], studies[n].trials[i])) for n, i in picks]


def _why(study: PastStudy, trial: PastTrial) -> str:
    return say(
        "trial {number} of {run}, where {share:.0%} of the other recipes did worse",
        number=trial.number,
        run=study.run.name,
        share=1 - trial.regret,
    )


def _places(recipes: Sequence[Mapping[str, Any]], ranges: Mapping[str, Range]) -> NDArray[np.float64]:
    """Where recipes stand in the space, shape `(recipes, ranges)`: in [0, 1], an option's number, NaN: not active."""

    def place(leaf: str, range_: Range, recipe: Mapping[str, Any]) -> float:
        if leaf not in recipe:
            return np.nan
        return range_.options.index(recipe[leaf]) if isinstance(range_, Choice) else position(recipe[leaf], range_)

    return np.array([[place(leaf, range_, recipe) for leaf, range_ in ranges.items()] for recipe in recipes])


def _squared_distances(
    first: NDArray[np.float64], second: NDArray[np.float64], ranges: Mapping[str, Range]
) -> NDArray[np.float64]:
    """Between recipes, shape `(first, second)`; another option, or being active or not, counts as the whole width."""
    differences = np.abs(first[:, None] - second[None])
    is_choice = [isinstance(range_, Choice) for range_ in ranges.values()]
    differences = np.where(is_choice, differences > 0, np.nan_to_num(differences))
    is_one_sided = np.isnan(first)[:, None] != np.isnan(second)[None]
    return np.asarray(np.square(np.where(is_one_sided, 1.0, differences)).sum(axis=-1))


def _expected(
    candidates: NDArray[np.float64],
    tried: NDArray[np.float64],
    regrets: NDArray[np.float64],
    ranges: Mapping[str, Range],
) -> NDArray[np.float64]:
    """Regret of each candidate in a study: its own where it was tried, else from the trials around it.

    The latter is the estimate of Nadaraya and Watson with a Gaussian kernel.
    """
    distances = _squared_distances(candidates, tried, ranges)
    kernel = np.exp(-distances / (2 * WIDTH**2))
    around = (kernel @ regrets + WEIGHT_OF_UNKNOWN * UNKNOWN) / (kernel.sum(axis=1) + WEIGHT_OF_UNKNOWN)
    is_same = distances < SAME
    own = (is_same @ regrets) / np.maximum(is_same.sum(axis=1), 1)
    return np.asarray(np.where(is_same.any(axis=1), own, around))


def _distinct(candidates: NDArray[np.float64], regrets: NDArray[np.float64], ranges: Mapping[str, Range]) -> list[int]:
    """Candidates that are no worse than one by chance, and apart from the default (the first) and from better ones."""
    kept = [0]
    for place in np.argsort(regrets, kind="stable"):
        near = _squared_distances(candidates[[place]], candidates[kept], ranges) < APART**2
        if regrets[place] <= UNKNOWN and not near.any():
            kept.append(int(place))
    return kept[1:]
