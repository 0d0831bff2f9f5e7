"""What a search is about, for those who propose recipes and those who stop them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mapsto.metrics.base import Direction
from mapsto.recipe.ranges import Range


@dataclass(frozen=True)
class Problem:
    """A space, its objectives, and how long it can be searched.

    Attributes:
        ranges: what is searched, by dotted name; some may carry conditions.
        directions: one an objective, the first one first.
        n_trials: trials that the study will hold, as far as is known; None where only the clock ends it.
        max_fidelity: units of fidelity of a whole training: its epochs, mostly.
        seed: of the study.
        default: the values that the default recipe has for the ranges, by dotted name.
        learned: such values of recipes that did well on other data.
        tried: such values of the trials of another study that this one goes on with; `{}` of those that it dropped.
        begin: number of the first trial that is proposed: after the default one, and those that were tried.
        lookahead: trials before a trial that it does not know.
    """

    ranges: Mapping[str, Range]
    directions: tuple[Direction, ...] = ("maximize",)
    n_trials: int | None = None
    max_fidelity: int = 1
    seed: int = 0
    default: Mapping[str, Any] = field(default_factory=dict)
    learned: tuple[Mapping[str, Any], ...] = ()
    tried: tuple[Mapping[str, Any], ...] = ()
    begin: int = 1
    lookahead: int = 1


@dataclass(frozen=True)
class Proposal:
    """A recipe to be tried.

    Attributes:
        chosen: values of the active ranges, by dotted name.
        starts_from: the trial whose checkpoint the training begins with; None: fresh weights.
        goes_on: it is that very training, stopped earlier and now continued: the same seed, the same recipe.
    """

    chosen: dict[str, Any]
    starts_from: int | None = None
    goes_on: bool = False
