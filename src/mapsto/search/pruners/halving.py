"""Asynchronous successive halving: at each rung only the best third goes on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto.search.pruners import _rungs
from mapsto.search.pruners._known import frozen, trainings
from mapsto.search.pruners.base import Pruner

if TYPE_CHECKING:
    from mapsto.search.outcome import Outcome, Point
    from mapsto.search.problem import Problem


class Halving(Pruner):
    """Rungs at a ninth and a third of the training. Li et al., "A system for massively parallel hyperparameter tuning",
    2018, arXiv:1810.05934.

    A trial is judged when it comes to a rung, by its score there: the best third of all that came so far, itself
    counted, goes on, and of fewer than six the best. One that was stopped and belongs to the best third now that more
    have come is continued.

    Example:
        >>> from mapsto.search.outcome import Outcome
        >>> from mapsto.search.problem import Problem
        >>> problem, curve = Problem({}, max_fidelity=9), ((1, (0.6,)), (2, (0.7,)))
        >>> one = Outcome(0, "explore", "complete", "", 0.7, 2, 2, 20, 1.0, 100, curve=curve)
        >>> known = Halving().knows(problem, [one], 1)
        >>> known
        {'cutoffs': {'1': -0.6}}
        >>> Halving().stops(problem, known, [(1, (0.5,))]), Halving().stops(problem, known, [(1, (0.8,))])
        (True, False)
    """

    title: ClassVar[str] = "successive halving (ASHA)"

    def knows(self, problem: Problem, history: Sequence[Outcome], number: int) -> dict[str, Any] | None:
        return _rungs.known_at(problem, trainings(history), _rungs.rungs(problem, 2))

    def stops(self, problem: Problem, known: dict[str, Any], curve: Sequence[Point]) -> bool:
        return _rungs.stops_at(problem, known, curve)

    def thaws(self, problem: Problem, history: Sequence[Outcome], going_on: Collection[int] = ()) -> int | None:
        candidates = frozen(history, going_on)
        return _rungs.promoted(problem, trainings(history), _rungs.rungs(problem, 2), candidates)
