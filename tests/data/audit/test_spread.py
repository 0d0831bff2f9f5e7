"""Far values are told from the tails of their column, whatever its shape."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from mapsto.data.audit._spread import extreme

ROWS = 20_000
Shape = Callable[[np.random.Generator], NDArray[np.float64]]

SHAPES: dict[str, Shape] = {
    "normal": lambda rng: rng.normal(size=ROWS),
    "uniform": lambda rng: rng.random(ROWS),
    "sizes": lambda rng: rng.exponential(size=ROWS),
    "heavy sizes": lambda rng: rng.lognormal(size=ROWS),
    "a tail below": lambda rng: -rng.exponential(size=ROWS),
    "a heavy tail below": lambda rng: 50 - rng.lognormal(size=ROWS),
    "skewed around zero": lambda rng: rng.gumbel(size=ROWS),
    "two heaps": lambda rng: np.where(rng.random(ROWS) < 0.6, rng.normal(-118, 0.7, ROWS), rng.normal(-122, 0.5, ROWS)),
    "mostly zero": lambda rng: np.where(rng.random(ROWS) < 0.95, 0.0, rng.normal(50, 1, ROWS)),
    "often zero": lambda rng: np.where(rng.random(ROWS) < 0.85, 0.0, rng.exponential(size=ROWS)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_tail_is_no_fault_and_what_lies_beyond_is(shape: str):
    rng = np.random.Generator(np.random.PCG64(2))
    values = SHAPES[shape](rng)
    assert extreme(values).sum() <= 0.0005 * ROWS
    rows = np.flatnonzero(rng.random(ROWS) < 0.01)
    low, high = values.min(), values.max()
    away = rng.uniform(1, 3, len(rows)) * (high - low)
    thrown = values.copy()
    thrown[rows] = np.where(rng.random(len(rows)) < 0.5, low - away, high + away)
    found = extreme(thrown)
    assert found[rows].mean() > 0.9
    assert found[rows].sum() > 0.95 * found.sum()


def test_a_few_values_have_no_tails():
    assert not extreme(np.array([1.0, 2.0, 3.0, 1e9])).any()


def test_order_and_gaps_do_not_matter():
    rng = np.random.Generator(np.random.PCG64(3))
    values = np.append(-rng.exponential(size=500), [-90.0, np.nan, np.inf])
    order = rng.permutation(len(values))
    assert np.flatnonzero(extreme(values)).tolist() == [500]
    assert np.array_equal(extreme(values)[order], extreme(values[order]))


def test_a_mirror_image_has_the_same_far_values():
    rng = np.random.Generator(np.random.PCG64(4))
    values = np.append(rng.normal(size=2000) ** 3 + 5 * rng.exponential(size=2000), [900.0, -700.0]) - 40
    assert np.array_equal(extreme(values), extreme(-values))
