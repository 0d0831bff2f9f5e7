"""Hyperband: successive halving with several smallest rungs side by side, in case scores show late."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Collection, Sequence
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto.search.pruners import _rungs
from mapsto.search.pruners._known import firsts, frozen, trainings
from mapsto.search.pruners.base import Pruner

if TYPE_CHECKING:
    from mapsto.search.outcome import Outcome, Point
    from mapsto.search.problem import Problem

MOST_RUNGS = 4
"""Of the bracket that stops soonest: its first is at an 81st of the training."""

GOLDEN = (math.sqrt(5) - 1) / 2
"""Its multiples fill [0, 1) most evenly, so that any trials in a row are dealt out nearly by the brackets' shares."""


class Hyperband(Pruner):
    """Brackets with no rung, one at a third, two at a ninth and a third, and so on; each halves among its own trials.

    Li et al., "Hyperband: a novel bandit-based approach to hyperparameter optimization", 2016, arXiv:1603.06560, with
    the brackets side by side as in Li et al. 2018, arXiv:1810.05934. A trial's bracket follows from its number alone.

    Example:
        >>> [round(share, 2) for share in shares(3)]
        [0.18, 0.29, 0.53]
        >>> [bracket(number, 3) for number in range(8)]
        [0, 2, 1, 2, 2, 0, 2, 1]
    """

    title: ClassVar[str] = "Hyperband"

    def knows(self, problem: Problem, history: Sequence[Outcome], number: int) -> dict[str, Any] | None:
        brackets = _brackets(problem)
        known = _by_bracket(history, brackets)
        own = bracket(firsts(history).get(number, number), brackets)
        return _rungs.known_at(problem, known.get(own, []), _rungs.rungs(problem, own))

    def stops(self, problem: Problem, known: dict[str, Any], curve: Sequence[Point]) -> bool:
        return _rungs.stops_at(problem, known, curve)

    def thaws(self, problem: Problem, history: Sequence[Outcome], going_on: Collection[int] = ()) -> int | None:
        brackets = _brackets(problem)
        known = _by_bracket(history, brackets)
        candidates = frozen(history, going_on)
        for own in range(brackets - 1, 0, -1):
            units = _rungs.rungs(problem, own)
            found = _rungs.promoted(problem, known.get(own, []), units, candidates)
            if found is not None:
                return found
        return None


@cache
def shares(brackets: int) -> tuple[float, ...]:
    """Share of the trials that begin in each bracket, which has as many rungs as its index says.

    Hyperband begins ceil(brackets / (rungs + 1) · 3^rungs) trials with so many rungs, which gives each bracket about
    the same work.
    """
    begun = [math.ceil(brackets / (rungs + 1) * _rungs.REDUCTION**rungs) for rungs in range(brackets)]
    return tuple(count / sum(begun) for count in begun)


def bracket(number: int, brackets: int) -> int:
    """The bracket of a trial by its number; the first trial, mostly the default recipe, runs to its end."""
    ends = list(accumulate(shares(brackets)))[:-1]
    return bisect_right(ends, number * GOLDEN % 1)


def _brackets(problem: Problem) -> int:
    """One more than there are different rungs, at most five brackets."""
    return 1 + len(_rungs.rungs(problem, min(MOST_RUNGS, int(math.log(problem.max_fidelity, _rungs.REDUCTION) + 1e-9))))


def _by_bracket(history: Sequence[Outcome], brackets: int) -> dict[int, list[Outcome]]:
    """The trainings of each bracket; one that was continued is of the bracket that it began in."""
    found: dict[int, list[Outcome]] = {}
    first = firsts(history)
    for training in trainings(history):
        found.setdefault(bracket(first[training.number], brackets), []).append(training)
    return found
