"""Rows by chance, each class (or tenth of the target, or label) with the same share in every part."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapsto.data.encoders._columns import counted
from mapsto.data.mapped import PIECE_ROWS
from mapsto.data.splitters._labels import assigned
from mapsto.data.splitters.base import Rows, Splitter, other_folds, shuffled
from mapsto.errors import DataError


class Random(Splitter):
    """Any row may go anywhere; for rows that know nothing of each other.

    Classes get their share by the method of the largest remainder, and a class of one row is trained on. Sets of
    labels are spread by iterative stratification.
    """

    def hold_out(self, rows: Rows, total: int, keep: int) -> tuple[Rows, Rows]:
        del keep
        if self.strata is not None and self.strata.ndim == 2:
            drawn = assigned(self.strata[rows], np.asarray([len(rows) - total, total]), self.bits) == 1
        else:
            drawn = _draw(self._classes(rows), total, self.bits)
        return rows[drawn], rows[~drawn]

    def folds(self, rows: Rows, num_folds: int) -> list[tuple[Rows, Rows]]:
        if len(rows) < num_folds:
            raise DataError(
                f"{self.table.name} has {counted(len(rows), 'row')} outside of the test part, too few for "
                f"`data.num_folds: {num_folds}`. Take fewer folds."
            )
        if self.strata is not None and self.strata.ndim == 2:
            sizes = np.bincount(np.arange(len(rows)) % num_folds)
            fold = assigned(self.strata[rows], sizes, self.bits)
        else:
            classes = self._classes(rows)
            order = shuffled(len(rows), self.bits)
            order = order[np.argsort(classes[order], kind="stable")]
            fold = np.empty(len(rows), dtype=np.int64)
            # Dealt out like cards, class after class: neither classes nor folds differ by more than one row.
            fold[order] = np.arange(len(rows)) % num_folds
        return other_folds([rows[fold == i] for i in range(num_folds)])

    def _classes(self, rows: Rows) -> Rows:
        return np.zeros(len(rows), dtype=np.int64) if self.strata is None else self.strata[rows]


def _draw(groups: Rows, total: int, bits: np.random.BitGenerator) -> NDArray[np.bool_]:
    """Marks `total` rows, of each group its share, by the method of the largest remainder."""
    names, sizes = np.unique(groups, return_counts=True)
    left = _quotas(sizes, total)
    # Shuffled: the first rows of each group are drawn. By pieces, for the sake of memory.
    order = shuffled(len(groups), bits)
    drawn = np.zeros(len(groups), dtype=np.bool_)
    for start in range(0, len(order), PIECE_ROWS):
        rows = order[start : start + PIECE_ROWS]
        codes = np.searchsorted(names, groups[rows])
        here = np.bincount(codes, minlength=len(names))
        together = np.argsort(codes, kind="stable")
        rank = np.arange(len(rows)) - np.repeat(np.cumsum(here) - here, here)
        drawn[rows[together[rank < np.repeat(left, here)]]] = True
        left = np.maximum(left - here, 0)
    return drawn


def _quotas(sizes: Rows, total: int) -> Rows:
    """How many rows of each group are drawn, `total` in all; each group keeps one row as long as that is possible."""
    exact = sizes * (total / sizes.sum())
    most = np.maximum(sizes - 1, 0)
    quotas = np.minimum(np.floor(exact).astype(np.int64), most)
    for limit in (most, sizes):
        while quotas.sum() < total and (quotas < limit).any():
            remainders = np.where(quotas < limit, exact - quotas, -np.inf)
            # Ties go to the first groups; a stable sort, so that every machine agrees.
            largest = np.argsort(-remainders, kind="stable")[: total - int(quotas.sum())]
            quotas[[group for group in largest if quotas[group] < limit[group]]] += 1
    return np.asarray(quotas, dtype=np.int64)
