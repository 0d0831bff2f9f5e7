"""The verdict is right as often as it promises, and shy where little is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ttest_rel

from mapsto.evaluation.comparison import Comparison, compare, fold_differences, row_differences
from mapsto.metrics.accuracy import Accuracy
from mapsto.metrics.base import Direction
from mapsto.metrics.rmse import RMSE


def test_seeds_alone_give_the_paired_t_interval() -> None:
    candidate, default = [0.91, 0.93, 0.95, 0.92], [0.90, 0.91, 0.90, 0.91]
    expected = ttest_rel(candidate, default).confidence_interval()
    found = compare(candidate, default, "maximize")
    np.testing.assert_allclose([found.low, found.high], [expected.low, expected.high])
    assert found.method == "spread over 4 seeds, on these rows only"


def test_rows_widen_the_interval_by_howe() -> None:
    candidate, default = [0.91, 0.93, 0.95], [0.90, 0.91, 0.90]
    rows = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], size=200, p=[0.05, 0.87, 0.08])
    seeds_only, both = (compare(candidate, default, "maximize", row_differences=r) for r in (None, rows))
    of_rows = 1.97196 * rows.std(ddof=1) / math.sqrt(200)  # Student's quantile for 199 degrees of freedom
    expected = math.hypot((seeds_only.high - seeds_only.low) / 2, of_rows)
    assert math.isclose((both.high - both.low) / 2, expected, rel_tol=1e-5)
    assert both.mean_difference == seeds_only.mean_difference


@pytest.mark.parametrize(
    ("direction", "sign", "verdict"),
    [
        ("maximize", 1, "better"),
        ("maximize", -1, "default is best"),
        ("minimize", 1, "default is best"),
        ("minimize", -1, "better"),
        ("maximize", 0, "not distinguishable"),
    ],
)
def test_verdict_follows_the_direction(direction: Direction, sign: int, verdict: str) -> None:
    candidate = [0.5 + sign * d for d in (0.10, 0.11, 0.12)]
    assert compare(candidate, [0.5, 0.5, 0.5], direction).verdict == verdict


@pytest.mark.parametrize(("num_seeds", "most"), [(2, 0.05), (3, 0.05), (5, 0.06)])
def test_equal_recipes_are_rarely_called_different(num_seeds: int, most: float) -> None:
    rng = np.random.default_rng(num_seeds)
    wrong = 0
    for _ in range(1500):
        effects = rng.normal(size=100) + rng.normal(size=(num_seeds, 100)) + rng.normal(0, 0.2, size=(num_seeds, 1))
        scores = effects.mean(axis=1).tolist()
        found = compare(scores, [0.0] * num_seeds, "maximize", row_differences=effects.mean(axis=0))
        wrong += found.verdict != "not distinguishable"
    assert wrong / 1500 <= most


def test_a_clear_difference_is_found_with_three_seeds() -> None:
    rng = np.random.default_rng(0)
    rows = rng.choice([-1.0, 0.0, 1.0], size=1000, p=[0.01, 0.93, 0.06])
    scores = [0.9 + rows.mean() + noise for noise in (-0.002, 0.0, 0.002)]
    assert compare(scores, [0.9] * 3, "maximize", row_differences=rows).verdict == "better"


def single(gained: int, lost: int) -> Comparison:
    """One seed on 500 rows, of which the candidate gains some and loses some."""
    rows = np.repeat([1.0, -1.0, 0.0], [gained, lost, 500 - gained - lost])
    return compare([0.9 + rows.mean()], [0.9], "maximize", row_differences=rows)


def test_one_seed_is_believed_only_when_the_rows_are_clear() -> None:
    # 21 against 8 rows is significant for these two models (McNemar, p = 0.02), but not for the recipes.
    assert single(21, 8).verdict == "not distinguishable"
    assert single(60, 8).verdict == "better"
    assert single(60, 8).method == "spread over rows; one seed, whose spread is taken to be as large"


@pytest.mark.parametrize("scores", [[0.9], [0.95, 0.95, 0.95]])
def test_no_spread_is_no_evidence(scores: list[float]) -> None:
    found = compare(scores, [0.85] * len(scores), "maximize")
    assert math.isnan(found.low)
    assert (found.verdict, found.method) == ("not distinguishable", "none: the spread is not known")


def test_a_run_without_a_score_leaves_it_open() -> None:
    found = compare([0.99, math.nan, 0.99], [0.5, 0.6, 0.7], "maximize")
    assert (found.verdict, found.method) == ("not distinguishable", "none: a run has no score")


def test_scores_must_be_pairs() -> None:
    with pytest.raises(ValueError, match="Received: 2 and 3 scores"):
        compare([0.9, 0.8], [0.9, 0.8, 0.7], "maximize")


def test_row_differences_of_accuracy_count_gains_and_losses() -> None:
    targets = np.array([0, 1, 0, 1])
    candidate, default = np.eye(2)[[0, 1, 0, 0]], np.eye(2)[[0, 0, 0, 1]]
    found = row_differences(Accuracy(), [candidate, candidate], [default, candidate], targets)
    np.testing.assert_allclose(found, [0.0, 0.5, 0.0, -0.5], atol=1e-12)


def test_row_differences_of_rmse_average_to_the_difference() -> None:
    rng = np.random.default_rng(0)
    targets = rng.normal(size=2000)
    candidate, default = (targets + rng.normal(0, s, size=2000) for s in (1.0, 1.5))
    found = row_differences(RMSE(), [candidate], [default], targets)
    difference = RMSE()(candidate, targets) - RMSE()(default, targets)
    assert math.isclose(float(found.mean()), difference, rel_tol=0.01)


def test_differences_of_folds_are_those_of_rows_where_folds_are_alike() -> None:
    rng = np.random.default_rng(0)
    targets = [rng.integers(0, 2, 40) for _ in range(3)]
    candidate, default = ([rng.dirichlet([1, 1], 40) for _ in range(3)] for _ in range(2))
    found = fold_differences(Accuracy(), candidate, default, targets, [0, 1, 2])
    each = [row_differences(Accuracy(), [c], [d], t) for c, d, t in zip(candidate, default, targets, strict=True)]
    assert len(found) == 120
    np.testing.assert_allclose(found.mean(), np.mean([e.mean() for e in each]))
    np.testing.assert_allclose(found - found.mean(), np.concatenate([e - e.mean() for e in each]), atol=1e-12)


def test_differences_on_one_fold_are_row_differences() -> None:
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, 50)
    candidate, default = ([rng.dirichlet([1, 1], 50) for _ in range(3)] for _ in range(2))
    found = fold_differences(Accuracy(), candidate, default, [targets] * 3, [0, 0, 0])
    np.testing.assert_allclose(found, row_differences(Accuracy(), candidate, default, targets), atol=1e-12)


def test_a_fold_that_was_run_twice_counts_twice_however_many_rows_it_has() -> None:
    rng = np.random.default_rng(0)
    sizes, folds = [30, 90], [0, 1, 0]
    of_fold = [rng.integers(0, 2, size) for size in sizes]
    targets = [of_fold[fold] for fold in folds]
    candidate, default = ([rng.dirichlet([1, 1], len(t)) for t in targets] for _ in range(2))
    found = fold_differences(Accuracy(), candidate, default, targets, folds)
    first = row_differences(Accuracy(), [candidate[0], candidate[2]], [default[0], default[2]], of_fold[0])
    second = row_differences(Accuracy(), [candidate[1]], [default[1]], of_fold[1])
    expected = (2 / 3) ** 2 * first.var() / 30 + (1 / 3) ** 2 * second.var() / 90
    assert math.isclose(found.var() / len(found), expected, rel_tol=1e-9)
    assert math.isclose(found.mean(), 2 / 3 * first.mean() + 1 / 3 * second.mean())


@pytest.mark.parametrize("num_folds", [3, 5, 10])
@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_equal_recipes_are_rarely_called_different_on_folds(num_folds: int, kept: float) -> None:
    """`kept`: the share of a training's luck that folds have in common, as most of their training rows are the same."""
    rng = np.random.default_rng(num_folds)
    wrong = 0
    for _ in range(1500):
        rows = rng.normal(size=(num_folds, 200 // num_folds))
        luck = 0.05 * (math.sqrt(kept) * rng.normal() + math.sqrt(1 - kept) * rng.normal(size=(num_folds, 1)))
        effects = rows + luck
        found = compare(
            effects.mean(axis=1).tolist(), [0.0] * num_folds, "maximize", row_differences=effects.ravel(),
            num_folds=num_folds,
        )  # fmt: skip
        wrong += found.verdict != "not distinguishable"
    assert wrong / 1500 <= 0.05


def test_what_was_counted_is_said() -> None:
    rows = np.random.default_rng(0).normal(size=100)
    scores = [0.90, 0.91, 0.93, 0.92]
    found = [compare(scores, [0.8] * 4, "maximize", row_differences=rows, num_folds=folds) for folds in (0, 4, 2)]
    assert [comparison.runs for comparison in found] == ["4 seeds", "4 folds", "4 runs on 2 folds"]
    assert found[1].method == "spread over 4 folds and over rows"
