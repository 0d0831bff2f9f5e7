"""How sure a metric is: confidence intervals over the rows that were scored.

The share of rows answered rightly has Wilson's interval. Metrics that are sums over rows have the bias-corrected and
accelerated bootstrap (BCa), which costs them one matrix product; it corrects for skewness, which matters where a few
large errors make up the score. The others have the percentile bootstrap with fewer resamples. Which one it was stands
in `method`, with the number of resamples.

An interval speaks of this one model on other rows of the same kind, not of the next training run.

References:
    Wilson, 1927, "Probable inference, the law of succession, and statistical inference"; Brown, Cai and DasGupta, 2001,
    "Interval estimation for a binomial proportion", who recommend it for small samples. Efron, 1987, "Better bootstrap
    confidence intervals". Efron and Tibshirani, 1993, "An introduction to the bootstrap", chapters 11, 13 and 14.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapsto.metrics.base import Metric, SumMetric

MIN_RESAMPLES = 40
"""Fewer say nothing about the outer 2.5 %."""

MAX_GROUPS = 20_000
"""Beyond so many rows, random groups of rows are resampled instead: as good an estimate, at a bounded cost."""

_DRAWS_AT_ONCE = 2_000_000
_CELLS_TO_COPY = 50_000_000  # about two seconds of copying and scoring for metrics that are not sums
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Interval:
    """A value with its confidence interval.

    Attributes:
        value: of the metric over all rows; NaN where it is not defined.
        low, high: ends of the interval, in the metric's unit; NaN where none can be given, and `method` says why.
        level: confidence, in (0, 1).
        method: how it was found, for the reader: `"Wilson"`, `"BCa bootstrap, 1,000 resamples"`.
    """

    value: float
    low: float
    high: float
    level: float
    method: str


def interval(
    metric: Metric,
    predictions: NDArray[Any],
    targets: NDArray[Any],
    *,
    level: float = 0.95,
    seed: int = 0,
    max_seconds: float = 5.0,
) -> Interval:
    """The metric over these rows with the interval that suits it: Wilson for accuracy, else `bootstrap`."""
    if not metric.binomial:
        return bootstrap(metric, predictions, targets, level=level, seed=seed, max_seconds=max_seconds)
    value = metric(predictions, targets)
    if math.isnan(value):
        return Interval(value, math.nan, math.nan, level, "none: not defined on these rows")
    return wilson(round(value * len(targets)), len(targets), level=level)


def wilson(successes: int, n: int, *, level: float = 0.95) -> Interval:
    """The share `successes / n` with Wilson's score interval; both NaN for `n` = 0.

    Example:
        >>> found = wilson(98, 100)
        >>> round(found.low, 3), round(found.high, 3)
        (0.93, 0.994)

    Raises:
        ValueError: `successes` is not in [0, n].
    """
    if not 0 <= successes <= n:
        raise ValueError(f"`successes` must lie in [0, n]. Received: {successes=}, {n=}.")
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, level, "none: no rows")
    z2 = _NORMAL.inv_cdf((1 + level) / 2) ** 2
    share = successes / n
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    # Exactly 0 and 1 at the ends, where rounding would leave the share itself outside by an ulp.
    low = 0.0 if successes == 0 else middle - half
    high = 1.0 if successes == n else middle + half
    return Interval(share, low, high, level, "Wilson")


def bootstrap(
    metric: Metric,
    predictions: NDArray[Any],
    targets: NDArray[Any],
    *,
    level: float = 0.95,
    num_resamples: int = 1000,
    seed: int = 0,
    max_seconds: float = 5.0,
) -> Interval:
    """The metric over these rows with its bootstrap interval; rows (images, for masks) are resampled.

    Args:
        metric: BCa for a `SumMetric`, percentile for any other.
        predictions: one a row, as the metric takes them.
        targets: one a row.
        level: confidence, in (0, 1).
        num_resamples: at most; metrics that are not sums get fewer on large arrays.
        seed: of the resampling.
        max_seconds: the resampling ends then, with as many resamples as there are (not counting the metric itself,
            once). A number of resamples that depended on the clock would not repeat, so it ends early only as a last
            resort: the numbers chosen need about a second.
    """
    with np.errstate(all="ignore"):
        if isinstance(metric, SumMetric):
            terms = metric.terms(predictions, targets)
            return bootstrap_terms(
                metric, terms, level=level, num_resamples=num_resamples, seed=seed, max_seconds=max_seconds
            )
        return _percentile(metric, predictions, targets, level, num_resamples, seed, max_seconds)


@np.errstate(all="ignore")
def bootstrap_terms(
    metric: SumMetric,
    terms: NDArray[np.float64],
    *,
    level: float = 0.95,
    num_resamples: int = 1000,
    seed: int = 0,
    max_seconds: float = 5.0,
) -> Interval:
    """As `bootstrap`, from terms `(rows, terms)` that are there already: Efron's BCa.

    The percentiles are moved for the bias of the bootstrap distribution and for its acceleration, a sixth of its
    skewness.
    """
    value = float(metric.from_sums(terms.sum(axis=0)))
    grouped = _grouped(terms)
    scores = np.zeros(0)
    if math.isfinite(value):
        drawn = _resamples(len(grouped), num_resamples, seed, max_seconds)
        scores = np.concatenate([metric.from_sums(counts @ grouped) for counts in drawn])
        scores = scores[np.isfinite(scores)]
    fault = _fault(value, len(terms), scores)
    if fault:
        return Interval(value, math.nan, math.nan, level, fault)
    low, high = np.quantile(scores, _bca_levels(scores, value, _jackknife(metric, grouped)[1], level))
    units = "" if len(grouped) == len(terms) else f" of {len(grouped):,} groups of rows"
    return Interval(value, float(low), float(high), level, f"BCa bootstrap, {len(scores):,} resamples{units}")


def pseudo_values(metric: Metric, predictions: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
    """What each group of rows says the metric is: n · metric - (n - 1) · metric without the group, shape `(groups,)`.

    Their mean is the metric (less its bias), and their variance / groups is the metric's variance over the rows. A
    group is one row for a `SumMetric` of at most `MAX_GROUPS` rows; else rows are grouped at random, in the same way
    for every model that is scored on these rows. For accuracy they are 1 for a row answered rightly and 0 else.

    References:
        Tukey, 1958, "Bias and confidence in not quite large samples"; Efron and Tibshirani, 1993, chapter 11.
    """
    rows = len(targets)
    with np.errstate(all="ignore"):
        if isinstance(metric, SumMetric):
            terms = _grouped(metric.terms(predictions, targets))
            whole, without = _jackknife(metric, terms)
        else:
            whole = metric(predictions, targets)
            groups = np.array_split(np.random.default_rng(rows).permutation(rows), min(rows, 100))
            kept = (np.delete(np.arange(rows), group) for group in groups)
            without = np.array([metric(predictions[k], targets[k]) for k in kept])
        return np.asarray(len(without) * whole - (len(without) - 1) * without)


def _percentile(
    metric: Metric,
    predictions: NDArray[Any],
    targets: NDArray[Any],
    level: float,
    num_resamples: int,
    seed: int,
    max_seconds: float,
) -> Interval:
    value = metric(predictions, targets)
    rows = len(targets)
    rng = np.random.default_rng(seed)
    planned = min(num_resamples, max(100, _CELLS_TO_COPY // max(1, predictions.size)))
    end = time.monotonic() + max_seconds
    found: list[float] = []
    while math.isfinite(value) and len(found) < planned and time.monotonic() < end:
        drawn = rng.integers(rows, size=rows)
        found.append(metric(predictions[drawn], targets[drawn]))
    scores = np.array(found)[np.isfinite(found)]
    fault = _fault(value, rows, scores)
    if fault:
        return Interval(value, math.nan, math.nan, level, fault)
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), level, f"percentile bootstrap, {len(scores):,} resamples")


MIN_ROWS = 10
"""Below, a bootstrap repeats the few rows there are and calls their range an interval."""


def _fault(value: float, rows: int, scores: NDArray[np.float64]) -> str:
    """Why these resamples give no interval, or nothing."""
    if not math.isfinite(value):
        return "none: not defined on these rows"
    if rows < MIN_ROWS:
        return f"none: fewer than {MIN_ROWS} rows say too little of the spread"
    if len(scores) < MIN_RESAMPLES:
        return f"none: only {len(scores)} resamples had a value in the time given"
    if np.ptp(scores) <= 1e-12 * abs(value):
        return "none: every resample gives the same value"
    return ""


def _resamples(groups: int, num_resamples: int, seed: int, max_seconds: float) -> Iterator[NDArray[np.float64]]:
    """How often each group is drawn in each resample, in pieces of shape `(resamples, groups)`."""
    rng = np.random.default_rng(seed)
    at_once = max(1, min(num_resamples, _DRAWS_AT_ONCE // groups))
    end = time.monotonic() + max_seconds
    for start in range(0, num_resamples, at_once):
        if time.monotonic() > end:
            return
        count = min(at_once, num_resamples - start)
        drawn = rng.integers(groups, size=(count, groups))
        drawn += np.arange(count)[:, None] * groups  # one histogram serves all resamples of the piece
        yield np.bincount(drawn.ravel(), minlength=count * groups).reshape(count, groups).astype(np.float64)


def _grouped(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """The terms, or beyond `MAX_GROUPS` rows their sums over random groups of nearly equal size."""
    rows = len(terms)
    if rows <= MAX_GROUPS:
        return terms
    order = np.random.default_rng(rows).permutation(rows)
    starts = np.arange(MAX_GROUPS) * rows // MAX_GROUPS
    return np.add.reduceat(terms[order], starts, axis=0)


def _jackknife(metric: SumMetric, terms: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """The metric over all, and without each group in turn."""
    total = terms.sum(axis=0)
    return float(metric.from_sums(total)), metric.from_sums(total - terms)


def _bca_levels(
    scores: NDArray[np.float64], value: float, without: NDArray[np.float64], level: float
) -> tuple[float, float]:
    """The two quantiles of the bootstrap distribution that end the interval (Efron and Tibshirani, section 14.3)."""
    below = float(np.mean(scores < value) + np.mean(scores == value) / 2)
    bias = _NORMAL.inv_cdf(min(max(below, 1e-6), 1 - 1e-6))
    influence = without[np.isfinite(without)]
    influence = influence.mean() - influence if len(influence) else influence
    spread = float(np.sum(influence**2)) ** 1.5
    acceleration = float(np.sum(influence**3)) / (6 * spread) if spread > 0 else 0.0
    shifts = bias + _NORMAL.inv_cdf((1 - level) / 2), bias + _NORMAL.inv_cdf((1 + level) / 2)
    low, high = (_NORMAL.cdf(bias + s / max(1e-6, 1 - acceleration * s)) for s in shifts)
    return low, high
