"""Iterative stratification: parts of given sizes in which each of several labels has its share.

References:
    Sechidis, Tsoumakas and Vlahavas, 2011, "On the stratification of multi-label data".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapsto.data.splitters.base import Rows, shuffled


def assigned(labels: NDArray[np.int64], sizes: Rows, bits: np.random.BitGenerator) -> Rows:
    """The part of each row, such that each label is spread over the parts as the sizes are.

    The rarest label that has rows left is spread first, because it leaves the least choice. Each of its rows goes to
    the part that still wants this label most; among equals to the one that wants most rows, then to the first.

    Args:
        labels: shape `(rows, labels)`, 1 where a row has a label.
        sizes: rows of each part; their sum is the number of rows.
        bits: decide the order in which rows are taken.
    """
    order = shuffled(len(labels), bits)
    has = labels[order] != 0
    wanted = np.outer(sizes / max(1, len(labels)), has.sum(axis=0))
    room = sizes.astype(np.int64).copy()
    found = np.full(len(labels), -1, dtype=np.int64)
    while True:
        left = has[found < 0].sum(axis=0)
        if not left.any():
            break
        rarest = int(np.argmin(np.where(left > 0, left, len(labels) + 1)))
        for row in np.flatnonzero(has[:, rarest] & (found < 0)):
            _place(row, np.where(room > 0, wanted[:, rarest], -np.inf), found, room)
            wanted[found[row]] -= has[row]
    # Rows without a label fill up what is left.
    found[found < 0] = np.repeat(np.arange(len(sizes)), room)
    result = np.empty_like(found)
    result[order] = found
    return result


def _place(row: np.intp, wish: NDArray[np.float64], found: Rows, room: Rows) -> None:
    best = np.flatnonzero(wish >= wish.max() - 1e-9)
    part = best[np.argmax(room[best])]
    found[row] = part
    room[part] -= 1
