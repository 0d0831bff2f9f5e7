"""How far values lie from the body of their column, for columns of any shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FENCE = 1.5
"""Inter-quartile ranges beyond a quartile (Tukey's fence), at the least."""

LIMIT = 3.0
"""Deviations from the middle, at the least."""

CHANCE = 0.5
"""Values that may lie so far out by chance in a column, for each side of it."""

SKEWED = 2.0
"""A tail so many times as long as the other makes a column skewed (exponential values: 4.5)."""

_TAIL = 1.6448536269514722  # deviations from the middle to the 95 % quantile of normal values
_NEAR, _FAR = 0.10, 0.025  # the quantiles between which a tail is measured


def extreme(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Marks values that are far out; in a skewed column, on whichever scale one looks: as they are, and by cube root.

    On each scale a value must lie beyond Tukey's fence, beyond `LIMIT` deviations, and further out than the column's
    own tail reaches: from where 10 % to where 2.5 % of the values lie beyond, on each side for itself, the tail goes on
    as an exponential one would, until less than `CHANCE` values are expected. Skew and a heavy tail are then no fault
    of their own, and 1 % of outliers does not hide itself. The cube root, which makes sizes (incomes, areas) nearly
    normal (Wilson and Hilferty 1931), tells large ones from impossible ones; it counts in units of the column's own
    spread, and says nothing where most values are the same.
    """
    found = np.zeros(len(values), dtype=np.bool_)
    present = np.isfinite(values)
    body = values[present]
    if len(body) < 20:
        return found
    largest = float(np.abs(body).max())
    if largest > 1e100:
        body = body / largest  # what the next lines multiply stays a number
    marked = _beyond(body)
    middle = float(np.median(body))
    unit = float(np.median(np.abs(body - middle)))
    if marked.any() and unit > 1e-100 and _skew(body) > SKEWED:
        plain = body[~marked]
        moved = (body - (0.0 if len(plain) and plain.min() >= 0 else middle)) / unit
        marked &= _beyond(np.cbrt(moved))
    found[present] = marked
    return found


def z_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Deviations from the middle, on each side in units of that side; 0 where a side has no spread."""
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    with np.errstate(all="ignore"):
        unit = np.where(values < middle, (middle - low) / _TAIL, (high - middle) / _TAIL)
        return np.where(unit > 0, (values - middle) / unit, 0.0)


def _beyond(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    first, third = np.quantile(values, (0.25, 0.75))
    reach = FENCE * (third - first)
    fenced = (values < first - reach) | (values > third + reach)
    scores = z_scores(values)
    far = (np.abs(scores) > LIMIT) | (scores == 0)  # a side without spread has no deviations to count
    low, upper = _ends(values)
    return np.asarray(fenced & far & ((values < low) | (values > upper)))


def _skew(values: NDArray[np.float64]) -> float:
    """How many times as long the longer tail is."""
    lowest, middle, highest = np.quantile(values, (_FAR, 0.5, 1 - _FAR))
    shorter, longer = sorted((float(middle - lowest), float(highest - middle)))
    return longer / shorter if shorter > 0 else np.inf


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    """Where the tails end: the least and the greatest value that chance explains."""
    lowest, low, high, highest = np.quantile(values, (_FAR, _NEAR, 1 - _NEAR, 1 - _FAR))
    steps = np.log(_NEAR / _FAR)
    falls, rises = (low - lowest) / steps, (highest - high) / steps  # the mean excess of an exponential tail
    falls, rises = falls or rises, rises or falls  # a side without a tail is measured by the other
    times = np.log(max(_FAR * len(values) / CHANCE, 1.0))
    if not falls:
        return -np.inf, np.inf
    return float(lowest - falls * times), float(highest + rises * times)
