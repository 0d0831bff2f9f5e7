"""Whole groups by chance: patients, users, documents that several rows come from."""

from __future__ import annotations

import numpy as np

from mapsto.data.splitters._groups import Grouped
from mapsto.data.splitters.base import Rows, other_folds, shuffled


class Group(Grouped):
    """No group of `data.group_column` is in two parts; sizes are as near to the shares as the groups allow."""

    def hold_out(self, rows: Rows, total: int, keep: int) -> tuple[Rows, Rows]:
        names, inverse, sizes = np.unique(self.groups[rows], return_inverse=True, return_counts=True)
        self.check(names, keep + 1, "to have one in each part")
        order = shuffled(len(names), self.bits)
        held: list[int] = []
        so_far = 0
        for group in order:
            # Taken where that brings the sum nearer to what is wanted.
            if len(held) < len(names) - keep and abs(so_far + sizes[group] - total) < abs(so_far - total):
                held.append(int(group))
                so_far += int(sizes[group])
        if not held:
            held = [int(order[np.argmin(sizes[order])])]
        drawn = np.isin(inverse, held)
        return rows[drawn], rows[~drawn]

    def folds(self, rows: Rows, num_folds: int) -> list[tuple[Rows, Rows]]:
        names, inverse, sizes = np.unique(self.groups[rows], return_inverse=True, return_counts=True)
        self.check(names, num_folds, f"for `data.num_folds: {num_folds}`")
        order = shuffled(len(names), self.bits)
        order = order[np.argsort(-sizes[order], kind="stable")]
        fold_of = np.empty(len(names), dtype=np.int64)
        filled = np.zeros(num_folds, dtype=np.int64)
        for group in order:  # the largest first, each into the fold that is emptiest
            fold_of[group] = np.argmin(filled)
            filled[fold_of[group]] += sizes[group]
        return other_folds([rows[fold_of[inverse] == i] for i in range(num_folds)])
