"""Who belongs to the best at a unit of fidelity: with one objective by its value, with several by their Pareto rank.

What a trial has to know of the others is boiled down to a bar. With one objective it is a loss that must not be
exceeded. With several it is the front that the last of the best stands on and the one before it, thus
`{"before": [[...], ...], "front": [[...], ...], "slots": 2}`: a trial that no point of the front before dominates is
better than that front and passes; one on the front passes if it stands apart enough to be among its first `slots`.
Infinite losses are written as null.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapsto.search.outcome import Outcome, Point
from mapsto.search.problem import Problem
from mapsto.search.pruners import _pareto
from mapsto.search.pruners._known import RECENT, curve_losses, losses, packed, reached, unpacked

REDUCTION = 3
"""One of so many goes on from a rung to the next."""


def bar(others: NDArray[np.float64], best: int) -> Any:
    """What a further trial has to pass in order to be among the `best` of all, itself counted; JSON's types.

    Args:
        others: losses of the others, `(others, objectives)`, at least one.
        best: places, at least 1 and at most as many as there are others.
    """
    if others.shape[1] == 1:
        return packed([float(np.sort(others[:, 0])[best - 1])])[0]
    front = _pareto.fronts(others)
    last = int(np.sort(front)[best - 1])
    before, level = (others[front == number].tolist() for number in (last - 1, last))
    slots = best - int((front < last).sum())
    return {"before": list(map(packed, before)), "front": list(map(packed, level)), "slots": slots}


def passes(bar: Any, loss: NDArray[np.float64]) -> bool:
    """Whether a trial with these losses, `(objectives,)`, is among the best, as `bar` tells them.

    Ties pass; a trial without a finite score does not.
    """
    if not np.isfinite(loss).all():
        return False
    if not isinstance(bar, dict):
        return bar is None or float(loss[0]) <= bar
    ours, before, level = loss[None], unpacked(bar["before"]), unpacked(bar["front"])
    if len(before) and not _pareto.dominates(before, ours).any():
        return True
    if _pareto.dominates(level, ours).any():
        return False
    rivals = level[~_pareto.dominates(ours, level)[0]]
    apart = _pareto.crowding(np.vstack([rivals, ours]))
    return int((apart[:-1] > apart[-1]).sum()) < int(bar["slots"])


def rungs(problem: Problem, count: int) -> list[int]:
    """Units of fidelity at which trials are judged: the whole divided by 3, 9 and so on, `count` of them at most.

    Example:
        >>> rungs(Problem({}, max_fidelity=30), 2)
        [3, 10]
    """
    whole = problem.max_fidelity
    found = {max(1, whole // REDUCTION**division) for division in range(1, count + 1)}
    return sorted(rung for rung in found if rung < whole)


def known_at(problem: Problem, others: Sequence[Outcome], units: Iterable[int]) -> dict[str, Any] | None:
    """The bar at each rung that others have reached, by the rung; None where none has reached any."""
    found = {}
    for rung in units:
        there, loss = _there(problem, others, rung)
        if there:
            found[str(rung)] = bar(loss, max(1, (len(there) + 1) // REDUCTION))
    return {"cutoffs": found} if found else None


def stops_at(problem: Problem, known: dict[str, Any], curve: Sequence[Point]) -> bool:
    """Whether the last point of a curve is the first at a rung, and not among the best there."""
    crossed = [cutoff for rung, cutoff in known["cutoffs"].items() if reached(curve, int(rung)) == len(curve) - 1]
    return not all(passes(cutoff, curve_losses(problem, curve[-1:])[0]) for cutoff in crossed)


def promoted(
    problem: Problem, others: Sequence[Outcome], units: Sequence[int], candidates: Collection[int]
) -> int | None:
    """The candidate that was stopped at a rung and is now among the best third of all that have reached it.

    The highest rung is looked at first, and there the best trial first, as ASHA does it.
    """
    for rung, further in zip(reversed(units), (None, *reversed(units)), strict=False):
        there, loss = _there(problem, others, rung)
        stopped = {
            index
            for index, training in enumerate(there)
            if training.number in candidates and (further is None or reached(training.curve, further) is None)
        }
        if stopped:
            best = _ranked(loss)[: len(there) // REDUCTION]
            found = next((there[index].number for index in best if index in stopped), None)
            if found is not None:
                return found
    return None


def _there(problem: Problem, others: Sequence[Outcome], rung: int) -> tuple[list[Outcome], NDArray[np.float64]]:
    """Those that have reached a rung, and their losses there; with several objectives the last of them only."""
    at = [(training, reached(training.curve, rung)) for training in others]
    found = [(training, training.curve[index][1]) for training, index in at if index is not None]
    found = found if len(problem.directions) == 1 else found[-RECENT:]
    return [training for training, _ in found], losses(problem, [values for _, values in found])


def _ranked(loss: NDArray[np.float64]) -> list[int]:
    """Indices, the best first, among equals the earlier first."""
    order = np.argsort(loss[:, 0], kind="stable") if loss.shape[1] == 1 else _pareto.ordered(loss)
    return [int(index) for index in order]
