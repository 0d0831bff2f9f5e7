"""A greedy ensemble is at least as good as its best network on the rows that chose it."""

from __future__ import annotations

import numpy as np
import pytest

from mapsto.evaluation.ensembles import combined, greedy
from mapsto.metrics.accuracy import Accuracy
from mapsto.metrics.log_loss import LogLoss
from mapsto.metrics.mae import MAE
from mapsto.metrics.mean_iou import MeanIoU
from mapsto.metrics.micro_f1 import MicroF1
from mapsto.metrics.r2 import R2
from mapsto.metrics.rmse import RMSE
from mapsto.metrics.roc_auc import RocAuc


def classifiers(rng: np.random.Generator, noises: list[float], rows: int = 300) -> tuple[list[np.ndarray], np.ndarray]:
    """Probabilities of three classes by networks of different noise, and the true classes."""
    targets = rng.integers(0, 3, rows)
    found = []
    for noise in noises:
        logits = 2.0 * np.eye(3)[targets] + noise * rng.normal(size=(rows, 3))
        exponentials = np.exp(logits)
        found.append((exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32))
    return found, targets


@pytest.mark.parametrize("metric", [Accuracy(), LogLoss()])
@pytest.mark.parametrize("seed", range(5))
def test_it_is_never_worse_than_the_best_single(metric: Accuracy | LogLoss, seed: int) -> None:
    predictions, targets = classifiers(np.random.default_rng(seed), [1.0, 1.5, 2.0, 4.0])
    found = greedy(metric, predictions, targets, max_size=12)
    singles = [metric(p, targets) for p in predictions]
    sign = 1 if metric.direction == "maximize" else -1
    assert found.best_score == (max(singles) if sign > 0 else min(singles)) == singles[found.best]
    assert sign * found.score >= sign * found.best_score
    assert metric(combined(predictions, found.weights), targets) == pytest.approx(found.score, abs=1e-6)
    assert sum(found.counts) <= 12
    assert sum(found.weights) == pytest.approx(1.0)


def test_it_is_better_on_rows_that_did_not_choose_it() -> None:
    predictions, targets = classifiers(np.random.default_rng(0), [1.5] * 5, rows=2000)
    found = greedy(LogLoss(), [p[:1000] for p in predictions], targets[:1000])
    fresh = [p[1000:] for p in predictions]
    best = min(LogLoss()(p, targets[1000:]) for p in fresh)
    assert LogLoss()(combined(fresh, found.weights), targets[1000:]) < best - 0.1


@pytest.mark.parametrize("metric", [MAE(), RMSE(), R2()])
def test_networks_whose_errors_cancel_are_found(metric: MAE | RMSE | R2) -> None:
    truth = np.linspace(0, 10, 100)
    error = np.where(np.arange(100) % 3 == 0, 1.0, -1.0)
    found = greedy(metric, [truth + 2.5 * error, truth + error, truth - error, truth + 5], truth)
    assert found.counts == (0, 1, 1, 0)
    np.testing.assert_allclose(combined([truth + error, truth - error], [1, 1]), truth)


def test_a_network_may_count_more_than_once() -> None:
    truth = np.linspace(0, 10, 100)
    error = np.where(np.arange(100) % 3 == 0, 1.0, -1.0)
    found = greedy(MAE(), [truth + error, truth - 2 * error], truth)
    assert found.counts == (2, 1)
    assert found.weights == (2 / 3, 1 / 3)


def test_copies_add_nothing() -> None:
    predictions, targets = classifiers(np.random.default_rng(0), [1.0])
    assert greedy(LogLoss(), predictions * 4, targets).counts == (1, 0, 0, 0)


def test_what_is_within_noise_is_not_added() -> None:
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, 200)
    good = np.eye(2)[targets] * 0.8 + 0.1
    good[:40] = good[:40, ::-1]
    other = good.copy()
    other[0] = [0.01, 0.99] if targets[0] else [0.99, 0.01]  # one row more is answered rightly: luck
    other[40:] = other[40:, ::-1] * 0.2 + 0.4
    found = greedy(Accuracy(), [good, other], targets)
    assert found.counts == (1, 0)


def test_labels_and_rankings_have_ensembles_too() -> None:
    rng = np.random.default_rng(0)
    flags = rng.integers(0, 2, (400, 5))
    several = [np.clip(0.5 + 0.2 * (flags - 0.5) + 0.25 * rng.normal(size=flags.shape), 0, 1) for _ in range(4)]
    found = greedy(MicroF1(), several, flags)
    assert found.score > found.best_score + 0.02
    two = [np.stack([1 - p[:, 0], p[:, 0]], axis=1) for p in several]
    ranked = greedy(RocAuc(), two, flags[:, 0], max_size=6)
    assert ranked.score > ranked.best_score


def test_it_is_the_same_each_time() -> None:
    predictions, targets = classifiers(np.random.default_rng(3), [1.0, 1.2, 1.4, 1.6])
    assert greedy(LogLoss(), predictions, targets) == greedy(LogLoss(), predictions, targets)


def test_diverged_networks_are_left_out() -> None:
    predictions, targets = classifiers(np.random.default_rng(0), [1.0, 1.0])
    diverged = np.full_like(predictions[0], np.nan)
    found = greedy(LogLoss(), [diverged, *predictions], targets)
    assert found.counts[0] == 0
    assert found.best > 0
    assert np.isfinite(combined([diverged, *predictions], found.weights)).all()
    with pytest.raises(ValueError, match="No network has a score for the log loss"):
        greedy(LogLoss(), [diverged], targets)


def test_masks_are_refused() -> None:
    masks = [np.zeros((4, 8, 8), dtype=np.int64)] * 2
    with pytest.raises(ValueError, match=r"Masks of class ids have no mean.*Received: the metric mean IoU"):
        greedy(MeanIoU(), masks, masks[0])
    with pytest.raises(ValueError, match=r"not class ids.*int64"):
        combined(masks, [0.5, 0.5])


def test_the_mean_keeps_the_type_and_scales_the_weights() -> None:
    first, second = np.array([[0.2, 0.8]], dtype=np.float32), np.array([[0.6, 0.4]], dtype=np.float32)
    found = combined([first, second], [3, 1])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0.3, 0.7]], rtol=1e-6)


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [0.0, 0.0]])
def test_weights_must_be_one_a_network(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="one a network, none negative, not all 0"):
        combined([np.zeros(3), np.zeros(3)], weights)
