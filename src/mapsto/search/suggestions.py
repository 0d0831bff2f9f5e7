"""Recipes that did well elsewhere, put into the words of a new space, and the choice of those to try first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mapsto._messages import Message, counted, from_json, say, shortened, to_json
from mapsto.recipe.leaves import is_name, split
from mapsto.recipe.ranges import Choice, Int, Log, Range, Uniform
from mapsto.recipe.scalars import same
from mapsto.recipe.sections import FAMILIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mapsto.recipe.space import Space

PORTFOLIO = "portfolio"
"""The source of what comes with mapsto."""

FAR = 1.0
"""A value that lies further outside a range than this many times its width says nothing about the range."""


@dataclass(frozen=True)
class Suggestion:
    """A recipe to be tried before the sampler is asked.

    Attributes:
        chosen: values of the active ranges, by dotted name.
        source: the run's folder, or `PORTFOLIO`.
        why: what speaks for it, in words.
    """

    chosen: dict[str, Any]
    source: str
    why: str

    def to_json(self) -> dict[str, Any]:
        """All of it, and under `said` what the reason was made from."""
        return {**vars(self), "why": str(self.why), "said": to_json(self.why)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Suggestion:
        """The suggestion that `to_json` was called on."""
        return cls(stored["chosen"], stored["source"], from_json(stored["why"], stored.get("said")))


def announced(suggestions: Sequence[Suggestion]) -> Message:
    """What a report says of suggestions; there is at least one."""
    sources = dict.fromkeys(
        say("the portfolio of mapsto") if suggestion.source == PORTFOLIO else Path(suggestion.source).name
        for suggestion in suggestions
    )
    return say(
        "First after the default recipe: {recipes} that did well before, from {sources}.",
        recipes=counted(len(suggestions), "recipe"),
        sources=shortened(list(sources)),
    )


def models_of(space: Space, defaults: Mapping[str, Any]) -> tuple[Any, ...]:
    """The families of models that a space holds."""
    name = space.leaves.get("model.name", space.field_default("model.name", defaults))
    return name.options if isinstance(name, Choice) else (name,)


def translated(values: Mapping[str, Any], space: Space, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe from elsewhere as a choice in this space.

    Only what is searched here is asked for. A value a little outside its range becomes the nearest one inside. What the
    recipe does not say, what is far outside, and what was meant for another member of a family (a step size for Adam
    says nothing about SGD's) has the default recipe's value; so `translated({}, ...)` is the default recipe.

    Args:
        values: of the recipe, by dotted name, the names of its members among them.
        space: what is searched now.
        defaults: values of leaves that the space leaves open, by dotted name.

    Returns:
        Values of the active ranges.
    """
    chosen: dict[str, Any] = {}

    def default(leaf: str) -> Any:
        return defaults.get(leaf, space.field_default(leaf, defaults))

    def member(section: str) -> Any:
        leaf = f"{section}.name"
        here = chosen.get(leaf, space.leaves.get(leaf))
        return default(leaf) if here is None or isinstance(here, Range) else here

    def suggest(leaf: str, range_: Range) -> Any:
        section, standard = split(leaf)[0], default(leaf)
        is_meant = section not in FAMILIES or is_name(leaf) or values.get(f"{section}.name") == member(section)
        standard = standard if range_.contains(standard) else range_.center()
        chosen[leaf] = _fitted(values[leaf], range_, standard) if leaf in values and is_meant else standard
        return chosen[leaf]

    return space.walk(suggest, defaults)


def cover(
    regrets: NDArray[np.float64], weights: NDArray[np.float64], size: int, start: NDArray[np.float64]
) -> list[int]:
    """Chooses recipes one after the other, each the one that lowers the mean regret of the best so far the most.

    The greedy portfolio of Wistuba et al., 2015, "Sequential model-free hyperparameter tuning", and of Auto-sklearn 2
    (Feurer et al., 2020, arXiv:2007.04074). Where none lowers it further, the one with the least regret of its own is
    next.

    Args:
        regrets: of each recipe on each data set, shape `(recipes, sets)`; 0 is the best that is known.
        weights: of the sets.
        size: recipes to choose, at most.
        start: regret of what is tried before them on each set, shape `(sets,)`.

    Returns:
        Their places, in the order in which they should be tried.

    Example:
        >>> regrets = np.array([[0.0, 0.9], [0.3, 0.3], [0.9, 0.0]])
        >>> cover(regrets, np.ones(2), 2, np.ones(2))
        [1, 0]
    """
    best, left = start.copy(), list(range(len(regrets)))
    places: list[int] = []
    while left and len(places) < size:
        gains = np.maximum(best - regrets[left], 0.0) @ weights
        place = left[int(np.lexsort((regrets[left] @ weights, -gains))[0])]
        best = np.minimum(best, regrets[place])
        places.append(place)
        left.remove(place)
    return places


def position(value: float, range_: Log | Uniform | Int) -> float:
    """Where a number stands in a range, on the range's own scale: 0 at its low end, 1 at its high one."""
    if isinstance(range_, Log) or (isinstance(range_, Int) and range_.log):
        if value <= 0:
            return -math.inf
        value, low, high = (math.log(number) for number in (value, range_.low, range_.high))
    else:
        low, high = range_.low, range_.high
    return (value - low) / ((high - low) or 1.0)


def _fitted(value: Any, range_: Range, standard: Any) -> Any:
    """The value of the range that is nearest to `value`, or the standard one where that says nothing here."""
    if isinstance(range_, Choice):
        return next((option for option in range_.options if same(option, value)), standard)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return standard
    if range_.contains(value):
        return value
    if not -FAR <= position(value, range_) <= 1 + FAR:
        return standard
    nearest = min(max(value, range_.low), range_.high)
    if isinstance(range_, Log) or range_.step is None:
        return nearest
    steps = min(round((nearest - range_.low) / range_.step), int((range_.high - range_.low) / range_.step + 1e-9))
    return range_.low + steps * range_.step
