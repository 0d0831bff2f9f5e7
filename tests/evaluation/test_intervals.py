"""Intervals hold what they promise, quickly, and say so where they cannot."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from scipy.stats import binom
from scipy.stats import bootstrap as reference_bootstrap
from sklearn.metrics import roc_auc_score

from mapsto.evaluation.intervals import Interval, bootstrap, interval, pseudo_values, wilson
from mapsto.metrics.accuracy import Accuracy
from mapsto.metrics.log_loss import LogLoss
from mapsto.metrics.mean_iou import MeanIoU
from mapsto.metrics.pixel_accuracy import PixelAccuracy
from mapsto.metrics.r2 import R2
from mapsto.metrics.rmse import RMSE
from mapsto.metrics.roc_auc import RocAuc
from mapsto.testing.metrics import perfect, sample


def test_wilson_against_published_values() -> None:
    # Brown, Cai and DasGupta discuss 0 of n; 81 of 263 is Newcombe's (1998) first example.
    found = wilson(81, 263)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)
    assert wilson(0, 20).low == 0.0
    assert wilson(20, 20).high == 1.0


def test_wilson_covers_as_often_as_it_says() -> None:
    n, shares = 50, np.linspace(0.02, 0.98, 97)
    ends = [wilson(k, n) for k in range(n + 1)]
    covers = np.array([[e.low <= p <= e.high for e in ends] for p in shares])
    coverage = (covers * binom.pmf(np.arange(n + 1), n, shares[:, None])).sum(axis=1)
    assert abs(coverage.mean() - 0.95) < 0.01
    assert coverage.min() > 0.9


def test_wilson_of_no_rows_is_unknown() -> None:
    found = wilson(0, 0)
    assert math.isnan(found.value)
    assert math.isnan(found.high)


def test_wilson_refuses_more_successes_than_rows() -> None:
    with pytest.raises(ValueError, match=r"must lie in \[0, n\]\. Received: successes=3, n=2"):
        wilson(3, 2)


def test_accuracy_has_the_wilson_interval() -> None:
    predictions, targets = sample("probabilities", 40)
    found = interval(Accuracy(), predictions, targets)
    successes = int((predictions.argmax(axis=1) == targets).sum())
    assert found == wilson(successes, 40)


def test_bca_agrees_with_scipy() -> None:
    rng = np.random.default_rng(3)
    errors = rng.exponential(size=60)
    found = bootstrap(RMSE(), errors, np.zeros(60), num_resamples=20_000)
    expected = reference_bootstrap(
        (errors,), lambda e, axis: np.sqrt((e**2).mean(axis=axis)), n_resamples=20_000, method="BCa", rng=4
    ).confidence_interval
    np.testing.assert_allclose([found.low, found.high], [expected.low, expected.high], rtol=0.01)
    assert found.method == "BCa bootstrap, 20,000 resamples"


def test_bootstrap_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(400):
        found = bootstrap(RMSE(), rng.normal(size=100), np.zeros(100), num_resamples=300, seed=seed)
        covered += found.low <= 1.0 <= found.high
    assert 0.91 <= covered / 400 <= 0.98


@pytest.mark.parametrize("metric", [Accuracy(), LogLoss(), RMSE(), R2()])
def test_ten_thousand_rows_take_less_than_a_second(metric: Accuracy | LogLoss | RMSE | R2) -> None:
    predictions, targets = sample(metric.takes, 10_000)
    start = time.process_time()
    found = bootstrap(metric, predictions, targets)
    assert time.process_time() - start < 1.0
    assert found.low < found.value < found.high


def test_many_rows_are_resampled_in_groups() -> None:
    predictions, targets = sample("values", 200_000)
    found = bootstrap(RMSE(), predictions, targets, num_resamples=200)
    assert found.method == "BCa bootstrap, 200 resamples of 20,000 groups of rows"
    # The standard error of the RMSE of normal errors is sigma / sqrt(2 n).
    assert math.isclose(found.high - found.low, 2 * 1.96 * 5 / math.sqrt(400_000), rel_tol=0.2)


def test_what_is_no_sum_has_fewer_plain_resamples() -> None:
    predictions, targets = sample("probabilities", 400)
    found = bootstrap(RocAuc(), predictions, targets, num_resamples=150)
    assert found.value == pytest.approx(roc_auc_score(targets, predictions, multi_class="ovr"))
    assert 0.5 < found.low < found.value < found.high < 1.0
    assert found.method == "percentile bootstrap, 150 resamples"


def test_the_same_seed_gives_the_same_interval() -> None:
    predictions, targets = sample("masks", 12)
    first, again, other = (bootstrap(MeanIoU(), predictions, targets, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first != other


def test_resampling_ends_in_time() -> None:
    predictions, targets = sample("probabilities", 3000)
    found = bootstrap(RocAuc(), predictions, targets, max_seconds=0.0)
    assert found.method == "none: only 0 resamples had a value in the time given"
    assert math.isnan(found.low)


def same(found: Interval, method: str) -> bool:
    return math.isnan(found.low) and math.isnan(found.high) and found.method == method


def test_no_interval_where_there_is_no_spread() -> None:
    predictions, targets = sample("masks", 12)
    right = bootstrap(PixelAccuracy(), perfect("masks", targets), targets)
    assert right.value == 1.0
    assert same(right, "none: every resample gives the same value")
    assert same(
        bootstrap(MeanIoU(), predictions[:1], targets[:1]), "none: fewer than 10 rows say too little of the spread"
    )


@pytest.mark.parametrize("metric", [Accuracy(), LogLoss(), RocAuc()])
def test_no_interval_where_the_metric_is_undefined(metric: Accuracy | LogLoss | RocAuc) -> None:
    predictions, targets = sample("probabilities", 9)
    predictions[4] = np.nan
    assert same(interval(metric, predictions, targets), "none: not defined on these rows")


def test_pseudo_values_of_accuracy_are_the_right_rows() -> None:
    predictions, targets = sample("probabilities", 30)
    right = predictions.argmax(axis=1) == targets
    np.testing.assert_allclose(pseudo_values(Accuracy(), predictions, targets), right, atol=1e-9)


@pytest.mark.parametrize(("metric", "rows"), [(RMSE(), 500), (RocAuc(), 1000)])
def test_pseudo_values_spread_as_the_metric_does(metric: RMSE | RocAuc, rows: int) -> None:
    predictions, targets = sample(metric.takes, rows)
    values = pseudo_values(metric, predictions, targets)
    found = bootstrap(metric, predictions, targets)
    expected = (found.high - found.low) / (2 * 1.96)
    assert math.isclose(float(values.std(ddof=1)) / math.sqrt(len(values)), expected, rel_tol=0.25)
    assert math.isclose(float(values.mean()), found.value, abs_tol=expected / 2)
