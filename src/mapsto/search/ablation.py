"""Which changed settings made the winner better than the default: a path of recipes from one to the other.

Each step of the path changes one setting, with those that come and go with it, and its gain is the difference of the
scores before and after, over the same seeds. Where runs allow it, the path is greedy: each round tries all changes that
are left, and takes the best. Else the order is that of the importances, and only the recipes on the path are run.

The gains sum to the difference of winner and default. That a greedy step is the best of several, chosen by the scores
that its gain is measured with, makes the early gains look somewhat larger and the later ones smaller than they are.

References:
    Fawcett and Hoos, 2016, "Analysing differences between algorithm configurations through ablation".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mapsto.evaluation.comparison import compare
from mapsto.metrics.base import Direction
from mapsto.recipe.check import needs
from mapsto.recipe.scalars import same

if TYPE_CHECKING:
    from mapsto.recipe.space import Space

Change = tuple[str, ...]
"""Settings that change together, by dotted name."""


@dataclass(frozen=True)
class Step:
    """One change on the path.

    Attributes:
        settings: that changed together, by dotted name.
        before, after: their values, by dotted name; a setting that is not active is missing.
        gain: of the score, positive where it became better; the mean over the seeds.
        low, high: ends of the gain's confidence interval over the seeds, at 95 %; NaN where none can be given.
        num_seeds: pairs of runs.
        tried: changes that were compared in this round; 1 where the order was fixed.
    """

    settings: Change
    before: dict[str, Any]
    after: dict[str, Any]
    gain: float
    low: float
    high: float
    num_seeds: int
    tried: int


def changes(space: Space, default: Mapping[str, Any], winner: Mapping[str, Any]) -> list[Change]:
    """Settings that differ, in groups that change together.

    A setting that only one of the two recipes has goes with the change that brings it in, or takes it out.

    Example:
        >>> from mapsto.recipe.space import Space
        >>> space = Space.from_settings(
        ...     ["task=tabular_regression", "optimizer.name=choice(adamw, sgd)", "model.dropout=uniform(0, 0.5)",
        ...      "optimizer.momentum=uniform(0, 0.99) if optimizer.name == sgd"])
        >>> changes(space, {"optimizer.name": "adamw", "model.dropout": 0.0},
        ...         {"optimizer.name": "sgd", "optimizer.momentum": 0.9, "model.dropout": 0.2})
        [('model.dropout',), ('optimizer.name', 'optimizer.momentum')]

    Args:
        space: which setting depends on which.
        default, winner: values of the active ranges, by dotted name.

    Returns:
        The groups, in the order of the space's leaves.
    """
    differing = [
        leaf
        for leaf in space.ranges
        if (leaf in default) != (leaf in winner) or (leaf in default and not same(default[leaf], winner[leaf]))
    ]
    group = {leaf: [leaf] for leaf in differing}
    for leaf in differing:
        if leaf in default and leaf in winner:
            continue
        for other in needs(space.leaves, leaf):
            if other in group and group[other] is not group[leaf]:
                joined = group[other] + group[leaf]
                group |= dict.fromkeys(joined, joined)
    unique = {id(members): members for members in group.values()}
    return [tuple(sorted(members, key=differing.index)) for members in unique.values()]


class Path:
    """The path from the default recipe to the winner. It trains nothing: it names recipes, and is told their scores.

    `next_recipes` and `add` take turns until there are no more recipes. The same scores give the same path, so that
    one that was interrupted is gone again by adding the scores that are known.

    Args:
        space: that both recipes are of.
        default, winner: values of the active ranges, by dotted name.
        default_scores, winner_scores: one a seed, the same seeds in the same order.
        direction: of the metric.
        max_runs: trainings there is time for; None: as many as a greedy path takes. What is too little for a path that
            changes one thing at a time leaves several changes, the least important, in the last step.
        importance: of the settings, by dotted name; decides where runs are few, and where scores are equal.
        defaults: values of leaves that the space leaves open, by dotted name.
    """

    def __init__(
        self,
        space: Space,
        default: Mapping[str, Any],
        winner: Mapping[str, Any],
        *,
        default_scores: Sequence[float],
        winner_scores: Sequence[float],
        direction: Direction = "maximize",
        max_runs: int | None = None,
        importance: Mapping[str, float] | None = None,
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        self.space, self.defaults, self.direction = space, defaults or {}, direction
        self.default, self.winner = dict(default), dict(winner)
        self.winner_scores = list(winner_scores)
        self.steps: list[Step] = []
        shares = importance or {}
        found = changes(space, default, winner)
        self._left = sorted(found, key=lambda change: -math.fsum(shares.get(leaf, 0.0) for leaf in change))
        recipes = math.inf if max_runs is None else max_runs // max(1, len(self.winner_scores))
        count = len(self._left)
        self.is_greedy = recipes >= count * (count + 1) // 2 - 1
        if not self.is_greedy and recipes < count - 1:
            alone = int(max(0, recipes))
            self._left = [*self._left[:alone], tuple(leaf for change in self._left[alone:] for leaf in change)]
        self._taken: set[str] = set()
        self._scores = list(default_scores)
        self._finish()

    def next_recipes(self) -> list[dict[str, Any]]:
        """Recipes to be trained with all seeds, by their values of the active ranges; none: the path is complete."""
        return [self._with(change) for change in self._candidates()]

    def add(self, scores: Sequence[Sequence[float]]) -> None:
        """Takes the scores of the recipes that `next_recipes` named, and takes a step.

        Args:
            scores: for each recipe one a seed, NaN where a training failed.

        Raises:
            ValueError: there are not as many as recipes and seeds.
        """
        candidates = self._candidates()
        if len(scores) != len(candidates) or any(len(some) != len(self._scores) for some in scores):
            raise ValueError(
                f"`scores` must hold {len(self._scores)} scores for each of {len(candidates)} recipes. "
                f"Received: {[len(some) for some in scores]}."
            )
        best = max(range(len(candidates)), key=lambda index: self._worth(scores[index]))  # the first of equal ones
        self._step(candidates[best], list(scores[best]), len(candidates))
        self._finish()

    def _candidates(self) -> list[Change]:
        if len(self._left) < 2:
            return []
        return self._left if self.is_greedy else self._left[:1]

    def _finish(self) -> None:
        """The last change leads to the winner, whose scores are known."""
        if len(self._left) == 1:
            self._step(self._left[0], self.winner_scores, 1)

    def _step(self, change: Change, scores: list[float], tried: int) -> None:
        before, after = self._with(()), self._with(change)
        found = compare(scores, self._scores, self.direction)
        gain, low, high = found.mean_difference, found.low, found.high
        if self.direction == "minimize":
            gain, low, high = -gain, -high, -low
        self.steps.append(
            Step(
                settings=change,
                before={leaf: before[leaf] for leaf in change if leaf in before},
                after={leaf: after[leaf] for leaf in change if leaf in after},
                gain=gain,
                low=low,
                high=high,
                num_seeds=found.num_seeds,
                tried=tried,
            )
        )
        self._taken |= set(change)
        self._left = [other for other in self._left if other != change]
        self._scores = scores

    def _with(self, change: Change) -> dict[str, Any]:
        """The recipe with this change besides those that were taken.

        It is asked for by walking the space, for a change may bring in a setting that neither end of the path has.
        """
        ours = self._taken.union(change)

        def value(leaf: str, range_: Any) -> Any:
            first, second = (self.winner, self.default) if leaf in ours else (self.default, self.winner)
            return first[leaf] if leaf in first else second.get(leaf, range_.center())

        return self.space.walk(value, self.defaults)

    def _worth(self, scores: Sequence[float]) -> float:
        mean = math.fsum(scores) / len(scores)
        if not math.isfinite(mean):
            return -math.inf
        return mean if self.direction == "maximize" else -mean
