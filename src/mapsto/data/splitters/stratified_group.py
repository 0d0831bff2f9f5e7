"""Whole groups, chosen so that every part has the classes in nearly the same shares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapsto.data.splitters._groups import Grouped
from mapsto.data.splitters.base import Rows, other_folds, shuffled
from mapsto.errors import DataError

ROUNDS = 10
"""How often all groups are looked at again; it seldom takes more than three."""

EQUAL = 1e-12
MOST_EXCHANGED = 3000
"""Beyond so many groups, single moves come near enough, and all pairs would be too many to look at."""


class StratifiedGroup(Grouped):
    """No group of `data.group_column` is in two parts, and classes have the shares that are nearest to equal.

    Groups with the most uneven classes are placed first, each where it brings the shares nearest to what is wanted;
    then single groups move, and pairs of groups change places, as long as that helps.
    """

    def hold_out(self, rows: Rows, total: int, keep: int) -> tuple[Rows, Rows]:
        names, inverse, counts = self._counted(rows)
        self.check(names, keep + 1, "to have one in each part")
        part = _placed(counts, np.asarray([len(rows) - total, total]) / len(rows), self.bits)
        smallest = np.argsort(counts[:, -1], kind="stable")
        if not (part == 1).any():
            part[smallest[0]] = 1
        for group in smallest[part[smallest] == 1][: max(0, keep - int((part == 0).sum()))]:
            part[group] = 0
        drawn = part[inverse] == 1
        return rows[drawn], rows[~drawn]

    def folds(self, rows: Rows, num_folds: int) -> list[tuple[Rows, Rows]]:
        names, inverse, counts = self._counted(rows)
        self.check(names, num_folds, f"for `data.num_folds: {num_folds}`")
        part = _placed(counts, np.full(num_folds, 1 / num_folds), self.bits)
        for empty in np.setdiff1d(np.arange(num_folds), part):
            fullest = np.argmax(np.bincount(part, minlength=num_folds))
            part[np.flatnonzero(part == fullest)[0]] = empty
        return other_folds([rows[part[inverse] == i] for i in range(num_folds)])

    def _counted(self, rows: Rows) -> tuple[Rows, Rows, NDArray[np.float64]]:
        """The groups, the group of each row, and each group's rows by class, with their sum as the last column."""
        if self.strata is None:
            raise DataError(
                f"The target of {self.table.name} has no classes that parts could hold in equal shares. "
                f"Set `data.split: group`."
            )
        names, inverse = np.unique(self.groups[rows], return_inverse=True)
        labels = self.strata[rows]
        if labels.ndim == 1:
            labels = np.eye(int(labels.max()) + 1, dtype=np.int64)[labels]
        counts = np.zeros((len(names), labels.shape[1] + 1))
        np.add.at(counts, inverse, np.column_stack([labels, np.ones(len(rows), dtype=np.int64)]))
        return names, inverse, counts


def _placed(counts: NDArray[np.float64], shares: NDArray[np.float64], bits: np.random.BitGenerator) -> Rows:
    """The part of each group, such that each column of counts is divided as the shares say.

    What is made small is the sum, over parts and columns, of the squared distance of a part's share of the column
    from what is wanted, divided by what is wanted.
    """
    weights = 1.0 / np.maximum(counts.sum(axis=0), 1.0)
    scaled = counts * weights
    order = shuffled(len(counts), bits)
    order = order[np.argsort(-np.round(scaled.std(axis=1), 12)[order], kind="stable")]
    distance = -np.outer(shares, scaled.sum(axis=0))  # of each part from what is wanted
    part = np.full(len(counts), -1, dtype=np.int64)
    for group in order:
        part[group] = np.argmin(_cost(distance, scaled[group], shares))
        distance[part[group]] += scaled[group]
    for _ in range(ROUNDS):
        if not sum([_moved(group, part, distance, scaled, shares) for group in order]):
            break
    return part


def _cost(
    distance: NDArray[np.float64], change: NDArray[np.float64], shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What adding a change to parts costs, shape `(parts,)`; the two arrays are broadcast."""
    cost = ((2 * distance + change) * change).sum(axis=1) / shares
    # The last bits, which may differ by machine, shall decide nothing.
    return np.asarray(cost.astype(np.float32), dtype=np.float64)


def _moved(
    group: np.int64,
    part: Rows,
    distance: NDArray[np.float64],
    scaled: NDArray[np.float64],
    shares: NDArray[np.float64],
) -> bool:
    """Moves a group to the part where it serves best, or lets it change places with another; whether it did."""
    own = part[group]
    cost = _cost(distance, -scaled[group], shares)[own] + _cost(distance, scaled[group], shares)
    cost[own] = np.inf
    best = int(np.argmin(cost))
    if cost[best] < -EQUAL:
        distance[own] -= scaled[group]
        distance[best] += scaled[group]
        part[group] = best
        return True
    if len(part) > MOST_EXCHANGED:
        return False
    changes = scaled[group] - scaled  # what the other's part gains and the own one loses
    cost = _cost(distance[part], changes, shares[part]) + _cost(distance[[own]], -changes, shares[own])
    cost[part == own] = np.inf
    other = int(np.argmin(cost))
    if cost[other] < -EQUAL:
        distance[own] -= changes[other]
        distance[part[other]] += changes[other]
        part[group], part[other] = part[other], own
        return True
    return False
