"""How far values lie from the body of their column, for columns of any shape."""

from __future__ import annotations

from typing import NamedTuple

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

MOSTLY = 0.8
"""A column with one value in a larger share of its rows is two: whether there is another one, and which."""

POWERS = (1 / 2, 1 / 3)
"""The ladder of scales on which skewed columns are looked at again, up to the first on which they are not skewed."""

_FEWEST = 20  # values that have a body and tails


class _Tail(NamedTuple):
    """Quantiles that tell a tail: `near` to `far` its fall, `side` its width, in `deviations` of normal values."""

    near: float
    far: float
    side: float
    deviations: float


_WHOLE = _Tail(0.10, 0.025, 0.05, 1.6448536269514722)
_FEW = _Tail(0.25, 0.10, 0.10, 1.2815515655446004)  # what is 1 % of the column may be every fifth of them


def extreme(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Marks values that are far out.

    A value must lie beyond Tukey's fence, beyond `LIMIT` deviations, and further out than the column's own tail
    reaches: from where 10 % to where 2.5 % of the values lie beyond, on each side for itself, the tail goes on as an
    exponential one would, until less than `CHANCE` values are expected. Skew and a heavy tail are then no fault of
    their own, and 1 % of outliers does not hide itself.

    In a skewed column that must hold on whichever scale one looks: as the values are, and by the first of `POWERS` that
    takes the skew away (the ladder of Tukey 1977, counted from the end of the shorter tail as Box and Cox 1964 do with
    their second parameter, or from zero where nothing is negative). That tells large sizes from impossible ones. In a
    column that is mostly one value, the others are also compared among themselves alone (a model in two parts:
    Aitchison 1955).
    """
    found = np.zeros(len(values), dtype=np.bool_)
    present = np.isfinite(values)
    body = values[present]
    if len(body) < _FEWEST:
        return found
    largest = float(np.abs(body).max())
    if largest > 1e100:
        body = body / largest  # what the next lines multiply stays a number
    marked = _marked(body, _WHOLE)
    middle = np.median(body)  # the most frequent value, if it is in most rows
    others = body != middle
    if _FEWEST <= others.sum() < (1 - MOSTLY) * len(body):
        marked[others] |= _marked(body[others], _FEW)
    found[present] = marked
    return found


def z_scores(values: NDArray[np.float64], tail: _Tail = _WHOLE) -> NDArray[np.float64]:
    """Deviations from the middle, on each side in units of that side; 0 where a side has no spread."""
    low, middle, high = np.quantile(values, (tail.side, 0.5, 1 - tail.side))
    with np.errstate(all="ignore"):
        unit = np.where(values < middle, (middle - low) / tail.deviations, (high - middle) / tail.deviations)
        return np.where(unit > 0, (values - middle) / unit, 0.0)


def _marked(values: NDArray[np.float64], tail: _Tail) -> NDArray[np.bool_]:
    """What is far out on each scale."""
    marked = _beyond(values, tail)
    unit = float(np.median(np.abs(values - np.median(values))))
    below, above = _tails(values, tail)
    if not marked.any() or marked.all() or unit <= 1e-100 or not _is_skewed(below, above):
        return marked
    is_upward = above >= below
    longer = values if is_upward else -values
    least = float(longer[~marked].min())
    moved = (longer - (0.0 if is_upward and least >= 0 else least)) / unit
    for power in POWERS:
        scaled = np.sign(moved) * np.abs(moved) ** power
        if not _is_skewed(*_tails(scaled, tail)):
            break
    return np.asarray(marked & _beyond(scaled, tail))


def _beyond(values: NDArray[np.float64], tail: _Tail) -> NDArray[np.bool_]:
    first, third = np.quantile(values, (0.25, 0.75))
    reach = FENCE * (third - first)
    fenced = (values < first - reach) | (values > third + reach)
    scores = z_scores(values, tail)
    far = (np.abs(scores) > LIMIT) | (scores == 0)  # a side without spread has no deviations to count
    low, upper = _ends(values, tail)
    return np.asarray(fenced & far & ((values < low) | (values > upper)))


def _tails(values: NDArray[np.float64], tail: _Tail) -> tuple[float, float]:
    """How far the lower and the upper tail lie from the middle."""
    lowest, middle, highest = np.quantile(values, (tail.far, 0.5, 1 - tail.far))
    return float(middle - lowest), float(highest - middle)


def _is_skewed(below: float, above: float) -> bool:
    return max(below, above) > SKEWED * min(below, above)


def _ends(values: NDArray[np.float64], tail: _Tail) -> tuple[float, float]:
    """Where the tails end: the least and the greatest value that chance explains."""
    lowest, low, high, highest = np.quantile(values, (tail.far, tail.near, 1 - tail.near, 1 - tail.far))
    steps = np.log(tail.near / tail.far)
    falls, rises = (low - lowest) / steps, (highest - high) / steps  # the mean excess of an exponential tail
    falls, rises = falls or rises, rises or falls  # a side without a tail is measured by the other
    times = np.log(max(tail.far * len(values) / CHANCE, 1.0))
    if not falls:
        return -np.inf, np.inf
    return float(lowest - falls * times), float(highest + rises * times)
