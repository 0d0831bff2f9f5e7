"""What every pruner must do. `check_pruner(MyPruner)` tests one of your own."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mapsto.metrics.base import Direction
from mapsto.search.outcome import Outcome, Point, State
from mapsto.search.problem import Problem
from mapsto.search.pruners.base import Pruner

UNITS = 27
"""Of a whole training."""

TRIALS = 24
"""That a history holds."""

LATER = range(TRIALS, TRIALS + 12)
"""Numbers of the trials that are judged: a rule may treat some otherwise than others."""

ENDS: tuple[tuple[int, State], ...] = ((UNITS, "complete"), (UNITS // 9, "pruned"), (UNITS // 3, "pruned"))

OBJECTIVES: tuple[tuple[Direction, ...], ...] = (("maximize",), ("maximize", "minimize"))


def sample_curve(quality: float, size: float | None = None, units: int = UNITS) -> tuple[Point, ...]:
    """A score that rises toward `quality` with a little noise, and where given a size that stays as it is."""
    scores = (quality * (1 - 0.5 * math.exp(-unit / 4)) + 0.004 * math.sin(5 * unit) for unit in range(1, units + 1))
    return tuple((unit, (score,) if size is None else (score, size)) for unit, score in enumerate(scores, 1))


def sample_history(directions: Sequence[Direction]) -> list[Outcome]:
    """Trials of qualities from 0.4 to 0.7: one in three is complete, the others were pruned at a ninth or a third."""
    history = []
    for number in range(TRIALS):
        quality = 0.4 + 0.3 * (number * 7 % TRIALS) / TRIALS
        size = None if len(directions) == 1 else 100.0 + number * 5 % TRIALS
        units, state = ENDS[number % 3]
        history.append(outcome(number, sample_curve(quality, size, units), state))
    return history


def outcome(number: int, curve: tuple[Point, ...], state: State = "complete", **fields: Any) -> Outcome:
    """A trial with this curve, whose score is the greatest first objective."""
    scores = [values[0] for _, values in curve if math.isfinite(values[0])]
    told = {"chosen": {"number": number}, "seed": number, **fields}
    epochs = curve[-1][0] if curve else 0
    return Outcome(
        number, "explore", state, "", max(scores, default=None), 1, epochs, epochs, 1.0, 1, curve=curve, **told
    )


def mirrored(history: Sequence[Outcome]) -> list[Outcome]:
    """The same trials with every objective's sign turned."""
    turned = []
    for one in history:
        curve = tuple((unit, tuple(-value for value in values)) for unit, values in one.curve)
        turned.append(replace(one, curve=curve, score=None if one.score is None else -one.score))
    return turned


def stopped_at(pruner: Pruner, problem: Problem, known: dict[str, Any] | None, curve: Sequence[Point]) -> int | None:
    """The unit after which a trial with this curve is stopped, or None if it runs to its end."""
    if known is None:
        return None
    before = copy.deepcopy(known)
    asked = range(1, len(curve))
    answers = [pruner.stops(problem, known, curve[:count]) for count in asked]
    again = [pruner.stops(problem, known, curve[:count]) for count in reversed(asked)]
    assert answers == again[::-1], "an answer depends on what was asked before"
    assert known == before, "`stops` changes what is known"
    return next((curve[count - 1][0] for count, stop in zip(asked, answers, strict=True) if stop), None)


def check_pruner(pruner: type[Pruner], **settings: Any) -> None:
    """Checks the contract of `Pruner`, for one objective and for two.

    What is known is JSON; nothing depends on what was asked before; the first trial is never stopped, nor is one that
    is clearly the best; one that is clearly the worst is, and one without a finite score, unless the pruner never wants
    to know anything; an objective that is minimized is treated as its negative that is maximized; and only a pruned
    trial that has not been continued is thawed.

    Raises:
        AssertionError: the pruner breaks the contract.
    """
    made = pruner(**settings)
    for directions in OBJECTIVES:
        problem = Problem({}, directions, max_fidelity=UNITS)
        history = sample_history(directions)
        _check_decisions(made, problem, history)
        _check_mirrored(made, problem, history)
        _check_not_finite(made, problem, history)
        _check_thaws(made, problem, history)
        _check_tiny(made, directions)


def _curves(problem: Problem) -> tuple[tuple[Point, ...], tuple[Point, ...], tuple[Point, ...]]:
    """Of a trial that is clearly the best, of one that is clearly the worst, and of one without a finite score."""
    sizes: tuple[float | None, ...] = (None,) * 2 if len(problem.directions) == 1 else (50.0, 200.0)
    best, worst = sample_curve(0.95, sizes[0]), sample_curve(0.1, sizes[1])
    return best, worst, tuple((unit, (math.nan, *values[1:])) for unit, values in worst)


def _known(pruner: Pruner, problem: Problem, history: Sequence[Outcome]) -> list[dict[str, Any] | None]:
    found = [pruner.knows(problem, history, number) for number in LATER]
    assert found == json.loads(json.dumps(found, allow_nan=False)), "what is known is not plain JSON"
    assert found == [pruner.knows(problem, history, number) for number in LATER], "the same history is known otherwise"
    return found


def _check_decisions(pruner: Pruner, problem: Problem, history: list[Outcome]) -> None:
    best, worst, _ = _curves(problem)
    first = pruner.knows(problem, [], 0)
    assert stopped_at(pruner, problem, first, worst) is None, "the first trial is stopped"
    known = _known(pruner, problem, history)
    ends = [stopped_at(pruner, problem, one, best) for one in known]
    assert not any(ends), f"a trial that is clearly the best is stopped, after these units: {ends}"
    if any(known):
        ends = [stopped_at(pruner, problem, one, worst) for one in known]
        assert any(ends), "no trial that is clearly the worst is stopped"


def _check_mirrored(pruner: Pruner, problem: Problem, history: list[Outcome]) -> None:
    other: dict[Direction, Direction] = {"maximize": "minimize", "minimize": "maximize"}
    turned = replace(problem, directions=tuple(other[direction] for direction in problem.directions))
    for number in LATER[:6]:
        known, opposite = pruner.knows(problem, history, number), pruner.knows(turned, mirrored(history), number)
        for curve in (*_curves(problem)[:2], *(one.curve for one in history[:6])):
            there = stopped_at(pruner, problem, known, curve)
            here = stopped_at(pruner, turned, opposite, mirrored([outcome(0, curve)])[0].curve)
            assert here == there, f"stopped after {there} where maximized, after {here} where minimized"
    assert pruner.thaws(problem, history) == pruner.thaws(turned, mirrored(history)), "another trial is thawed"


def _check_not_finite(pruner: Pruner, problem: Problem, history: list[Outcome]) -> None:
    best, _, diverged = _curves(problem)
    infinite = tuple((unit, (-math.inf, *values[1:])) for unit, values in diverged)
    extended = [*history, outcome(TRIALS, diverged), outcome(TRIALS + 1, infinite[:3], "pruned")]
    known = _known(pruner, problem, extended)
    assert not any(stopped_at(pruner, problem, one, best) for one in known), "the best is stopped beside a diverged one"
    if any(known):
        ends = [stopped_at(pruner, problem, one, diverged) for one in known]
        assert any(ends), "no trial without a finite score is stopped"
    lost = [outcome(number, diverged) for number in range(TRIALS)]
    assert not any(stopped_at(pruner, problem, one, best) for one in _known(pruner, problem, lost)), (
        "the only trial with a score is stopped"
    )
    pruner.thaws(problem, extended)


def _check_thaws(pruner: Pruner, problem: Problem, history: list[Outcome]) -> None:
    history, thawed = list(history), []
    pruned = {one.number for one in history if one.state == "pruned"}
    complete = [one for one in history if one.state == "complete"]
    assert pruner.thaws(problem, complete) is None, "a trial is thawed though none was pruned"
    while (number := pruner.thaws(problem, history)) is not None:
        assert number in pruned, f"trial {number} is thawed, which was not pruned"
        assert number not in thawed, f"trial {number} is thawed again"
        assert pruner.thaws(problem, history, [number]) != number, f"trial {number} is thawed while it goes on"
        thawed.append(number)
        earlier = history[number]
        size = earlier.curve[0][1][1] if len(problem.directions) > 1 else None
        curve = (*earlier.curve, *sample_curve(0.5, size)[len(earlier.curve) :])
        told: dict[str, Any] = {"chosen": earlier.chosen, "seed": earlier.seed, "starts_from": number}
        history.append(outcome(len(history), curve, **told))


def _check_tiny(pruner: Pruner, directions: tuple[Direction, ...]) -> None:
    """A training of one unit or two has no end to be stopped before, and is no fault of the pruner."""
    for units in (1, 2):
        problem = Problem({}, directions, max_fidelity=units)
        history = [replace(one, curve=one.curve[:units]) for one in sample_history(directions)]
        for number in LATER:
            stopped_at(pruner, problem, pruner.knows(problem, history, number), history[0].curve)
        pruner.thaws(problem, history)
