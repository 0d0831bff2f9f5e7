"""What is known so far: the trials in order, the finalists, and who leads."""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mapsto.evaluation.heats import Group, finalists, grouped
from mapsto.metrics.base import Direction
from mapsto.search.outcome import Outcome, is_candidate

HEAT_MARK = "-heat"


@dataclass(frozen=True)
class Candidate:
    """A recipe that may win: its trial, and its scores on the validation part.

    `scores` holds one fresh run a seed, in the order of the seeds; empty where there was no time to run it again. Where
    the data have folds, the fold changes with the seed.
    """

    number: int
    chosen: dict[str, Any]
    explored_score: float
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over the fresh runs; the explored score where there are none."""
        return math.fsum(self.scores) / len(self.scores) if self.scores else self.explored_score


@dataclass
class Standing:
    """Reads the outcomes of a study.

    Attributes:
        outcomes: of all trainings, by the names of their folders.
        direction: of the first objective.
        finalists: recipes that are run again, the default besides.
        searching: whether there is anything to choose from.
        default: the trial of the default recipe.
        counts: of the explored trials, by what became of them.
    """

    direction: Direction
    finalists: int
    searching: bool
    default: int = 0
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    _explored: dict[int, Outcome] = field(default_factory=dict)
    _order: list[tuple[float, int]] = field(default_factory=list)

    def add(self, name: str, outcome: Outcome) -> None:
        """Takes in what became of a training."""
        self.outcomes[name] = outcome
        if outcome.phase != "explore":
            return
        earlier = self._explored.get(outcome.number)
        if earlier is not None:
            self.counts[earlier.state] -= 1
        self.counts[outcome.state] += 1
        if earlier is not None and is_candidate(earlier):  # it was stopped by time, and has gone on
            self._order.remove(self._rank(earlier))
        self._explored[outcome.number] = outcome
        if is_candidate(outcome):
            bisect.insort(self._order, self._rank(outcome))

    def _rank(self, outcome: Outcome) -> tuple[float, int]:
        sign = -1.0 if self.direction == "maximize" else 1.0
        return sign * float(outcome.score or 0.0), outcome.number

    @property
    def explored(self) -> Mapping[int, Outcome]:
        """The trials of the search, by number."""
        return self._explored

    def ranked(self, count: int | None = None) -> list[Outcome]:
        """Explored candidates, the best first, earlier ones before later; only so many where that is said."""
        return [self._explored[number] for _, number in self._order[:count]]

    def groups(self, before: float = math.inf) -> list[Group]:
        """The explored recipes, the most promising first; one that was tried twice, or in a heat, has several runs.

        Args:
            before: heats from this number on are left out, counted from 0.
        """
        runs = [o for o in self._explored.values() if is_candidate(o)]
        heats = {name: o for name, o in self.outcomes.items() if o.phase == "heat" and _heat_number(name) < before}
        return grouped([*runs, *heats.values()], self.direction)

    def finalist_numbers(self) -> list[int]:
        """The best recipes, by the first trial that tried each, and the default's if it can be trained."""
        if not self.searching:
            return [self._order[0][1]]
        return finalists(self.groups(), self.finalists, self.default)


def confirm_name(number: int, seed: int) -> str:
    """The folder of a finalist's fresh run."""
    return f"{number:04d}-seed{seed + 1}"


def heat_name(number: int, heat: int) -> str:
    """The folder of a recipe's run in a heat."""
    return f"{number:04d}{HEAT_MARK}{heat + 1}"


def _heat_number(name: str) -> int:
    return int(name.partition(HEAT_MARK)[2]) - 1
