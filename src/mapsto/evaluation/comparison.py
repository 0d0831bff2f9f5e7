"""Whether a recipe is better than the default, or only luckier.

Two things make a difference of scores uncertain. Training again with another seed gives another difference; with s²
the variance of the paired differences over k seeds, their mean has the variance A = s² / k. And other rows would have
given another difference; with r² the variance over n rows of what each row says the difference is (averaged over the
seeds), the mean has the variance B = r² / n. The interval is

    mean ± √(t²(k - 1) · A + t²(n - 1) · B),

t(d) being the quantile of Student's distribution with d degrees of freedom (Howe). What seeds and rows do jointly is
in both A and B, so the sum errs on the safe side (Owen and Eckles). With Welch's degrees of freedom instead, two or
three seeds call up to 12 % of equal recipes different at a level of 95 %; with this rule it is at most 5 % (simulated).

With one seed A cannot be known; it is taken to be as large as B, so that only a difference that is clear over the rows
counts. Without row differences B is unknown, and the interval speaks of these rows only.

Where the runs are validated on different folds, A has the variance of the training and validation rows in it too, but
the folds share most of their training rows, so that A alone is too small (Bengio and Grandvalet). B counts the
validation rows a second time, which makes up for it where they are the larger part (simulated in the tests).

References:
    Bengio and Grandvalet, 2004, "No unbiased estimator of the variance of k-fold cross-validation".
    Howe, 1974, "Approximate confidence limits on the mean of X + Y where X and Y are two tabled independent random
    variables". Owen and Eckles, 2012, "Bootstrapping data arrays of arbitrary order". Bouthillier et al., 2021,
    "Accounting for variance in machine learning benchmarks", on why both kinds of variance must be counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mapsto.evaluation.intervals import pseudo_values
from mapsto.metrics.base import Direction, Metric

Verdict = Literal["better", "not distinguishable", "default is best"]


@dataclass(frozen=True)
class Comparison:
    """A candidate beside the default.

    Attributes:
        mean_difference: candidate minus default, in the metric's unit: positive is better if it is maximized.
        low, high: ends of its confidence interval; NaN where none can be given.
        level: confidence, in (0, 1).
        num_seeds: pairs of runs that were compared.
        num_folds: different folds that these runs were validated on; 0 where there are no folds.
        verdict: `"better"` if the whole interval is on the candidate's side of zero, `"default is best"` if it is on
            the default's, else `"not distinguishable"`.
        method: what was counted, for the reader.
    """

    mean_difference: float
    low: float
    high: float
    level: float
    num_seeds: int
    verdict: Verdict
    method: str
    num_folds: int = 0

    @property
    def runs(self) -> str:
        """What the interval is over, in words: `"3 seeds"`, `"5 folds"`, `"6 runs on 3 folds"`."""
        return _runs(self.num_seeds, self.num_folds)


def compare(
    candidate_scores: Sequence[float],
    default_scores: Sequence[float],
    direction: Direction,
    *,
    row_differences: NDArray[np.float64] | None = None,
    num_folds: int = 0,
    level: float = 0.95,
) -> Comparison:
    """Judges a candidate by paired runs: the same seed, the same rows.

    Args:
        candidate_scores: one a seed.
        default_scores: of the default recipe with the same seeds, in the same order.
        direction: of the metric.
        row_differences: what each row, or group of rows, says the difference is, averaged over the seeds, shape
            `(rows,)`; see `row_differences` and `fold_differences`. Only its variance is used.
        num_folds: different folds that the pairs were validated on; 0 where all had the same rows.
        level: confidence, in (0, 1).

    Example:
        >>> compare([0.95, 0.96, 0.95], [0.90, 0.91, 0.91], "maximize").verdict
        'better'
        >>> compare([0.95], [0.90], "maximize").verdict
        'not distinguishable'

    Raises:
        ValueError: the scores are not pairs, or there are none.
    """
    if not candidate_scores or len(candidate_scores) != len(default_scores):
        raise ValueError(
            "`candidate_scores` and `default_scores` must be pairs of runs with the same seed. "
            f"Received: {len(candidate_scores)} and {len(default_scores)} scores."
        )
    with np.errstate(invalid="ignore"):
        differences = np.subtract(candidate_scores, default_scores, dtype=np.float64)
        mean = float(differences.mean())
    half, method = _half_width(differences, row_differences, level, num_folds)
    low, high = (mean - half, mean + half) if math.isfinite(mean) else (math.nan, math.nan)
    better, worse = (low > 0, high < 0) if direction == "maximize" else (high < 0, low > 0)
    verdict: Verdict = "better" if better else "default is best" if worse else "not distinguishable"
    return Comparison(mean, low, high, level, len(differences), verdict, method, num_folds)


def row_differences(
    metric: Metric,
    candidate_predictions: Sequence[NDArray[Any]],
    default_predictions: Sequence[NDArray[Any]],
    targets: NDArray[Any],
) -> NDArray[np.float64]:
    """What each row says the difference of the metric is (candidate minus default), averaged over the seeds.

    For accuracy: +1 for a row that only the candidate answers rightly, -1 for one that only the default does. For
    any other metric the difference of the jackknife's pseudo-values.

    Args:
        metric: the objective.
        candidate_predictions: one array a seed, each for the same rows.
        default_predictions: one array a seed.
        targets: of these rows.

    Returns:
        Shape `(groups,)`, groups being single rows for metrics that are sums over not too many rows.
    """
    candidate = np.mean([pseudo_values(metric, p, targets) for p in candidate_predictions], axis=0)
    default = np.mean([pseudo_values(metric, p, targets) for p in default_predictions], axis=0)
    return np.asarray(candidate - default, dtype=np.float64)


def fold_differences(
    metric: Metric,
    candidate_predictions: Sequence[NDArray[Any]],
    default_predictions: Sequence[NDArray[Any]],
    targets: Sequence[NDArray[Any]],
    folds: Sequence[int],
) -> NDArray[np.float64]:
    """As `row_differences`, of runs that were validated on the rows of different folds.

    Each row speaks of its own fold. Scaled so that the variance of all, divided by their number, is that of the mean
    over the runs: a fold counts as often as there were runs on it, however many rows it has.

    Args:
        metric: the objective.
        candidate_predictions: one array a run, for the rows of its fold.
        default_predictions: one array a run, for the same rows.
        targets: of these rows, one array a run.
        folds: of each run.

    Returns:
        Shape `(groups,)`, the groups of all folds that were run.
    """
    found = []
    for fold in dict.fromkeys(folds):
        runs = [run for run, other in enumerate(folds) if other == fold]
        candidate, default = ([p[run] for run in runs] for p in (candidate_predictions, default_predictions))
        found.append((row_differences(metric, candidate, default, targets[runs[0]]), len(runs) / len(folds)))
    size = sum(len(values) for values, _ in found)
    mean = sum(weight * values.mean() for values, weight in found)
    return np.concatenate([mean + (v - v.mean()) * (weight * size / len(v)) for v, weight in found])


def paired_difference(
    metric: Metric,
    ours: NDArray[Any],
    theirs: NDArray[Any],
    targets: NDArray[Any],
    level: float = 0.95,
) -> tuple[float, float, float]:
    """How much one model differs from another on the same rows: ours minus theirs, and the ends of its interval.

    It is the spread over rows alone, of these two trained models: mean ± t(n - 1) · r / √n. Two intervals side by side
    say less, since rows that are hard for one model are mostly hard for the other.

    Example:
        >>> from mapsto.metrics.mae import MAE
        >>> truth = np.arange(20.0)
        >>> difference, low, high = paired_difference(MAE(), truth + 1, truth + np.linspace(2, 3, 20), truth)
        >>> round(difference, 3), high < 0
        (-1.5, True)

    Args:
        metric: how both are judged.
        ours, theirs: predictions of the same rows, as the metric takes them.
        targets: of these rows.
        level: confidence, in (0, 1).

    Returns:
        The difference, and low and high, NaN where the rows do not say.
    """
    difference = float(metric(ours, targets)) - float(metric(theirs, targets))
    half = math.sqrt(_scaled_variance(row_differences(metric, [ours], [theirs], targets), level))
    return difference, difference - half, difference + half


def _runs(num_seeds: int, num_folds: int) -> str:
    if not num_folds:
        return f"{num_seeds} seeds"
    return f"{num_folds} folds" if num_seeds == num_folds else f"{num_seeds} runs on {num_folds} folds"


def _half_width(
    differences: NDArray[np.float64], rows: NDArray[np.float64] | None, level: float, num_folds: int
) -> tuple[float, str]:
    """Half the interval's width, NaN where nothing is known of the spread, and what was counted."""
    seeds = len(differences)
    if not np.isfinite(differences).all():
        return math.nan, "none: a run has no score"
    over_seeds = _scaled_variance(differences, level)
    over_rows = math.nan if rows is None else _scaled_variance(rows, level)
    if math.isnan(over_rows):
        # Equal differences of a few runs are a coincidence of rounding, not the absence of spread.
        is_known = seeds > 1 and over_seeds > 0
        half = math.sqrt(over_seeds) if is_known else math.nan
        spread = f"spread over {_runs(seeds, num_folds)}, on these rows only"
        return half, spread if is_known else "none: the spread is not known"
    if seeds == 1:
        once = "fold" if num_folds else "seed"
        return math.sqrt(2 * over_rows), f"spread over rows; one {once}, whose spread is taken to be as large"
    return math.sqrt(over_seeds + over_rows), f"spread over {_runs(seeds, num_folds)} and over rows"


def _scaled_variance(values: NDArray[np.float64], level: float) -> float:
    """Variance of the mean times the square of Student's quantile; NaN for fewer than two values."""
    if len(values) < 2 or not np.isfinite(values).all():
        return math.nan
    from scipy.special import stdtrit  # a tenth of a second, and only the end of a study needs it

    t = float(stdtrit(len(values) - 1, (1 + level) / 2))
    return t * t * float(np.var(values, ddof=1)) / len(values)
