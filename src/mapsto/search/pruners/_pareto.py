"""Ranks of points with several losses: which are beaten by fewer, and among equals, which stand apart.

Non-dominated sorting and crowding distance as in Deb et al., "A fast and elitist multiobjective genetic algorithm:
NSGA-II", 2002; that trials are stopped by such a rank is MOASHA, Schmucker et al. 2021, arXiv:2106.12639.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def dominates(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of our points are nowhere worse than which of theirs and somewhere better, `(ours, theirs)`."""
    shape = (len(ours), len(theirs))
    never_worse, better = np.ones(shape, dtype=bool), np.zeros(shape, dtype=bool)
    for own, other in zip(ours.T, theirs.T, strict=True):
        never_worse &= own[:, None] <= other
        better |= own[:, None] < other
    return never_worse & better


def fronts(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """The front of each point, shape `(points, losses)` to `(points,)`: 0 for those that no other dominates, 1 for
    those that only points of front 0 dominate, and so on.

    Example:
        >>> fronts(np.array([[1.0, 2.0], [2.0, 1.0], [2.0, 2.0]])).tolist()
        [0, 0, 1]
    """
    beats = dominates(points, points)
    beaten_by = beats.sum(axis=0)
    found = np.full(len(points), -1)
    front = 0
    while (found < 0).any():
        members = (beaten_by == 0) & (found < 0)
        found[members] = front
        beaten_by = beaten_by - beats[members].sum(axis=0)
        front += 1
    return found


def crowding(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far a point's neighbors on a front are apart, summed over the losses; infinite at the ends of the front.

    Each loss is measured in the range that the front has of it.
    """
    found = np.zeros(len(points))
    if not np.isfinite(points).all():  # those without a score, all alike
        return found
    for loss in points.T:
        order = np.argsort(loss, kind="stable")
        span = loss[order[-1]] - loss[order[0]]
        if span == 0:
            continue
        found[order[[0, -1]]] = np.inf
        found[order[1:-1]] += (loss[order[2:]] - loss[order[:-2]]) / span
    return found


def ordered(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices of the points, the best first: by front, then by crowding, then the earlier ones first.

    Example:
        >>> ordered(np.array([[3.0], [1.0], [2.0]])).tolist()
        [1, 2, 0]
    """
    front = fronts(points)
    apart = np.zeros(len(points))
    for number in range(int(front.max(initial=-1)) + 1):
        members = front == number
        apart[members] = crowding(points[members])
    return np.lexsort((-apart, front))
