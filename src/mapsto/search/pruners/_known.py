"""What all pruners read from the trials that may be known: losses, whole trainings, and points at a unit."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mapsto.search.outcome import Outcome, Point
from mapsto.search.problem import Problem

RECENT = 300
"""Trials that a rule looks back on whose cost would grow faster than their number. A quantile of so many lies within
six percentiles of that of all."""


def trainings(history: Sequence[Outcome]) -> list[Outcome]:
    """The trials, each that continues another joined to it: with the number of the last, and the curve of both.

    A trial continues the one it starts from if seed and recipe are the same; otherwise (a step of population-based
    training) it is a training of its own, whose curve begins later.
    """
    found = {outcome.number: outcome for outcome in history}
    for outcome in [outcome for outcome in history if outcome.starts_from is not None]:
        earlier = _continued(outcome, found)
        if earlier is not None:
            start = outcome.curve[0][0] if outcome.curve else math.inf
            before = tuple(point for point in earlier.curve if point[0] < start)
            found[outcome.number] = replace(outcome, curve=before + outcome.curve)
            del found[earlier.number]
    return list(found.values())


def firsts(history: Sequence[Outcome]) -> dict[int, int]:
    """For each trial the number of the one that began the training which it is part of: mostly its own."""
    known: dict[int, Outcome] = {}
    found: dict[int, int] = {}
    for outcome in history:
        earlier = _continued(outcome, known)
        known[outcome.number] = outcome
        found[outcome.number] = outcome.number if earlier is None else found[earlier.number]
    return found


def _continued(outcome: Outcome, known: Mapping[int, Outcome]) -> Outcome | None:
    """The known trial that a trial continues, if it does one."""
    earlier = None if outcome.starts_from is None else known.get(outcome.starts_from)
    is_same = earlier is not None and (outcome.seed, outcome.chosen) == (earlier.seed, earlier.chosen)
    return earlier if is_same else None


def frozen(history: Sequence[Outcome], going_on: Iterable[int]) -> set[int]:
    """Numbers of the trials that were pruned and may be continued: no trial, known or under way, starts from them."""
    pruned = {outcome.number for outcome in history if outcome.state == "pruned"}
    return pruned - {outcome.starts_from for outcome in history} - set(going_on)


def losses(problem: Problem, values: Sequence[Sequence[float | None]]) -> NDArray[np.float64]:
    """Objectives so that less is better, `(points, objectives)`; all infinite where one of them is no finite number.

    Example:
        >>> losses(Problem({}, ("maximize", "minimize")), [(0.9, 3.0), (None, 1.0)]).tolist()
        [[-0.9, 3.0], [inf, inf]]
    """
    found = np.array(values, dtype=np.float64).reshape(len(values), len(problem.directions))  # None becomes NaN
    found *= [-1.0 if direction == "maximize" else 1.0 for direction in problem.directions]
    found[~np.isfinite(found).all(axis=1)] = np.inf
    return found


def curve_losses(problem: Problem, curve: Sequence[Point]) -> NDArray[np.float64]:
    """As `losses`, of the points of one curve."""
    return losses(problem, [values for _, values in curve])


def reached(curve: Sequence[Point], unit: int) -> int | None:
    """The index of the first point at or beyond a unit of fidelity; None if the curve ends before or begins beyond.

    Example:
        >>> reached([(2, (0.5,)), (4, (0.7,))], 3)
        1
    """
    if len(curve) >= unit and curve[unit - 1][0] == unit:  # a point a unit, as mostly
        return unit - 1
    if not curve or curve[-1][0] < unit:
        return None
    index = bisect_left(curve, unit, key=lambda point: point[0])
    return index if index > 0 or curve[0][0] == unit else None


def packed(loss: Iterable[float]) -> list[float | None]:
    """For JSON, which has no infinity."""
    return [value if math.isfinite(value) else None for value in loss]


def unpacked(losses: Iterable[Iterable[float | None]]) -> NDArray[np.float64]:
    """What `packed` was given, some points together, `(points, objectives)`, infinite where it had an infinity."""
    return np.array([[math.inf if value is None else value for value in loss] for loss in losses])
