"""The mean of the most similar rows for a missing number."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data.cleaning.imputers.base import Imputer
from mapsto.data.cleaning.learned import Learned, over_columns

NEIGHBORS = 5

ROWS, CELLS = 2_000, 200_000
"""Training rows that are kept to search for neighbors, and numbers in them: they are saved with the model."""

AT_ONCE = 1 << 21
"""Distances that are worked on at a time."""


class KNN(Imputer):
    """The mean over the five nearest of a sample of the training rows that have the number.

    Columns count alike: distances are Euclidean on columns divided by their deviation, over the columns that both rows
    have, scaled up to all of them, as in scikit-learn's `KNNImputer` on standardized data. A row that shares no column
    with any other gets the median. Troyanskaya et al., "Missing value estimation methods for DNA microarrays", 2001.
    """

    joint: ClassVar[bool] = True
    says: ClassVar[str] = say("the mean of the most similar training rows")

    def sample(self, columns: int) -> int:
        return max(NEIGHBORS, min(ROWS, CELLS // columns))

    def learn(self, values: NDArray[np.float64]) -> Learned:
        deviation = over_columns(values, np.std, 1.0)
        middle = over_columns(values, np.median)
        # One row a column, as all that is learned; a number that the donor lacks is told by the second array, for JSON
        # holds no NaN.
        gone = np.isnan(values)
        donors = np.where(gone, 0.0, values)
        return {
            "fill": middle,
            "weight": 1.0 / np.where(deviation > 0, deviation, 1.0),
            "donors": np.ascontiguousarray(donors.T),
            "present": np.ascontiguousarray((~gone).T.astype(np.float64)),
        }

    def apply(self, values: NDArray[np.float64], learned: Learned) -> None:
        gone = np.isnan(values)
        rows = np.flatnonzero(gone.any(axis=1))
        size = max(1, AT_ONCE // max(1, learned["donors"].shape[1]))
        for start in range(0, len(rows), size):
            some = rows[start : start + size]
            values[some] = _filled(values[some], gone[some], learned)


def _filled(values: NDArray[np.float64], gone: NDArray[np.bool_], learned: Learned) -> NDArray[np.float64]:
    donors, present = learned["donors"], learned["present"] > 0
    distances = _distances(values, gone, learned)
    filled = values.copy()
    for place in np.flatnonzero(gone.any(axis=0)):
        rows = np.flatnonzero(gone[:, place])
        own = np.where(present[place], distances[rows], np.inf)
        # A stable sort, so that ties do not depend on the rows beside.
        nearest = np.argsort(own, axis=1, kind="stable")[:, :NEIGHBORS]
        counted = np.isfinite(np.take_along_axis(own, nearest, axis=1))
        number = counted.sum(axis=1)
        total = np.zeros(len(rows))
        for rank in range(nearest.shape[1]):
            total += np.where(counted[:, rank], donors[place][nearest[:, rank]], 0.0)
        filled[rows, place] = np.where(number > 0, total / np.maximum(number, 1), learned["fill"][place])
    return filled


def _distances(values: NDArray[np.float64], gone: NDArray[np.bool_], learned: Learned) -> NDArray[np.float64]:
    """Squared distances from each row to each donor, infinite where they share no column.

    Column by column: a matrix product would be faster, but its last digits depend on how many rows there are.
    """
    shape = (len(values), learned["donors"].shape[1])
    total, shared = np.zeros(shape), np.zeros(shape)
    for place, weight in enumerate(learned["weight"]):
        both = ~gone[:, place, np.newaxis] & (learned["present"][place] > 0)
        step = np.where(gone[:, place], 0.0, values[:, place])[:, np.newaxis] - learned["donors"][place]
        step *= weight
        step *= step
        total += np.where(both, step, 0.0)
        shared += both
    return np.where(shared > 0, total * (len(learned["weight"]) / np.maximum(shared, 1.0)), np.inf)
