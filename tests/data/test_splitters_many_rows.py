"""Of many rows a part is sorted and drawn at a time, to spare memory: which rows they are is as if all were."""

from __future__ import annotations

import numpy as np
import pytest

from mapsto.data.mapped import PIECE_ROWS
from mapsto.data.splitters.base import shuffled
from mapsto.data.splitters.random import _draw, _quotas

SIZES = (PIECE_ROWS, PIECE_ROWS + 1, 3 * PIECE_ROWS + 7)


def bits():
    return np.random.PCG64(3)


def plainly_shuffled(count):
    return np.argsort(bits().random_raw(count), kind="stable")


def plainly_drawn(groups, total):
    """All rows of a group lie together, in random order, and its first ones are drawn."""
    _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = plainly_shuffled(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    rank = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    drawn = np.zeros(len(codes), dtype=bool)
    drawn[order[rank < np.repeat(_quotas(sizes, total), sizes)]] = True
    return drawn


@pytest.mark.parametrize("count", SIZES)
def test_many_rows_are_shuffled_as_few_are(count):
    np.testing.assert_array_equal(shuffled(count, bits()), plainly_shuffled(count))


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("num_groups", [1, 3, 5000])
def test_many_rows_are_drawn_as_few_are(count, num_groups):
    groups = np.random.default_rng(count).integers(-1, num_groups, count) ** 2  # neither from 0 on nor without gaps
    for total in (1, count // 7, count // 2):
        drawn = _draw(groups, total, bits())
        assert drawn.sum() == total
        np.testing.assert_array_equal(drawn, plainly_drawn(groups, total))


def test_rows_that_a_piece_has_too_few_of_are_drawn_from_the_next_ones():
    groups = np.zeros(SIZES[-1], dtype=np.int64)
    total = 2 * PIECE_ROWS + 5
    drawn = _draw(groups, total, bits())
    np.testing.assert_array_equal(np.flatnonzero(drawn), np.sort(plainly_shuffled(len(groups))[:total]))
