"""Plain methods learn, within their time, and say what they did."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from mapsto.evaluation._features import pixel_features
from mapsto.evaluation._learners import fit_linear, fit_trees, tree_plan
from mapsto.evaluation.baselines import Baseline, fit_baselines
from mapsto.metrics.base import Metric
from mapsto.recipe.families import METRICS


def digits() -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Images `(rows, 1, 8, 8)`, classes, and the rows for training and for testing."""
    images, classes = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    return images.reshape(-1, 1, 8, 8).astype(np.uint8), classes.astype(np.int64), order[:1257], order[1257:]


def scores(
    baselines: list[Baseline], metric: str, inputs: NDArray[Any], targets: NDArray[Any]
) -> dict[str, float | None]:
    found: Metric = METRICS.get(metric)()
    predicted = {b.name: b.predict(inputs) for b in baselines}
    return {name: None if p is None else found(p, targets) for name, p in predicted.items()}


def test_digits_are_learned_within_the_time() -> None:
    images, classes, train, test = digits()
    start = time.monotonic()
    baselines = fit_baselines(images, classes, kind="classes", train_rows=train, max_seconds=20.0)
    assert time.monotonic() - start < 20.0
    found = scores(baselines, "accuracy", images[test], classes[test])
    assert found["majority class"] == pytest.approx(0.1, abs=0.03)
    assert found["linear"] > 0.95  # type: ignore[operator]
    assert found["trees"] > 0.93  # type: ignore[operator]
    assert [b.title for b in baselines][1:] == ["logistic regression", "gradient-boosted trees"]


def test_time_is_kept_by_using_fewer_rows() -> None:
    rng = np.random.default_rng(0)
    classes = rng.integers(10, size=40_000)
    features = rng.normal(size=(40_000, 80)).astype(np.float32) + classes[:, None] % np.arange(1, 81)
    start = time.monotonic()
    found = fit_baselines(features, classes, kind="classes", train_rows=np.arange(40_000), max_seconds=2.0)
    assert time.monotonic() - start < 4.0  # one piece of work may be under way when the time is up
    assert found[1].note.startswith("trained on 2,000 of 40,000 rows")
    probabilities = found[1].predict(features[:3])
    assert probabilities is not None
    assert probabilities.shape == (3, 10)


def test_the_same_seed_gives_the_same_baselines() -> None:
    images, classes, train, test = digits()
    few = train[classes[train] < 3]
    runs = [fit_baselines(images, classes, kind="classes", train_rows=few, max_seconds=20.0, seed=1) for _ in "ab"]
    for first, again in zip(*runs, strict=True):
        np.testing.assert_array_equal(first.predict(images[test]), again.predict(images[test]))


def test_regression_is_in_the_unit_of_the_targets() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(900, 5)).astype(np.float32)
    prices = 50_000 + 9_000 * features[:, 0] + 4_000 * np.sign(features[:, 1]) + rng.normal(0, 500, size=900)
    baselines = fit_baselines(features, prices, kind="values", train_rows=np.arange(600), max_seconds=5.0)
    found = scores(baselines, "r2", features[600:], prices[600:])
    assert [b.name for b in baselines] == ["mean", "linear", "trees"]
    assert found["mean"] == pytest.approx(0.0, abs=0.02)
    assert 0.8 < found["linear"] < found["trees"]  # type: ignore[operator]


def test_many_features_become_principal_components() -> None:
    rng = np.random.default_rng(0)
    classes = rng.integers(2, size=300)
    features = (rng.normal(size=(300, 400)) + classes[:, None]).astype(np.float32)
    baselines = fit_baselines(features, classes, kind="classes", train_rows=np.arange(200), max_seconds=5.0)
    assert baselines[1].note == "trained on all 200 rows; 50 principal components of 400 features"
    assert scores(baselines, "accuracy", features[200:], classes[200:])["linear"] == 1.0


def test_words_are_counted_and_padding_is_not() -> None:
    rng = np.random.default_rng(0)
    classes = rng.integers(2, size=400)
    tokens = rng.integers(4, 60, size=(400, 12)).astype(np.int32)
    tokens[:, 5] = 2 + classes  # the one word that tells the class
    tokens[:, :3] = rng.integers(2, size=(400, 3))  # padding and unknown words
    baselines = fit_baselines(tokens, classes, kind="classes", train_rows=np.arange(300), max_seconds=5.0)
    found = scores(baselines, "accuracy", tokens[300:], classes[300:])
    assert found["linear"] == 1.0
    assert found["trees"] > 0.8  # type: ignore[operator]
    assert baselines[1].note.endswith("TF-IDF of the words")
    strange = np.full((2, 12), 99, dtype=np.int32)  # words that no training row has
    assert np.isfinite(baselines[1].predict(strange)).all()  # type: ignore[arg-type]


def scenes(num_images: int) -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
    """Dark sky over bright ground, noisy; the first column is void."""
    rng = np.random.default_rng(0)
    masks = np.zeros((num_images, 20, 30), dtype=np.int16)
    masks[:, 12:] = 1
    images = np.clip(rng.normal(80 + 60 * masks[:, None], 60, size=(num_images, 3, 20, 30)), 0, 255).astype(np.uint8)
    masks[:, :, 0] = -1
    return images, masks


@pytest.mark.parametrize("stored", ["int16", "uint8"])
def test_segmentation_learns_from_pixels(stored: str) -> None:
    images, masks = scenes(30)
    masks = masks.astype(stored)
    baselines = fit_baselines(images, masks, kind="masks", train_rows=np.arange(20), max_seconds=5.0)
    found = scores(baselines, "mean_iou", images[20:], masks[20:])
    assert found["majority class"] == pytest.approx(0.3, abs=0.01)
    assert found["linear"] > 0.9  # type: ignore[operator]
    assert found["trees"] > 0.9  # type: ignore[operator]
    assert baselines[0].note == "trained on all 20 images"


def test_a_large_segmentation_is_predicted_on_a_grid() -> None:
    images, masks = (np.tile(a, (40, *[1] * (a.ndim - 1))) for a in scenes(30))
    baselines = fit_baselines(images, masks, kind="masks", train_rows=np.arange(20), max_seconds=0.8)
    linear = baselines[1]
    assert "one pixel in 2 × 2 predicted, its neighbors alike" in linear.note
    found = linear.predict(images[20:23])
    assert found is not None
    assert found.shape == (3, 20, 30)
    np.testing.assert_array_equal(found[:, ::2, ::2], found[:, 1::2, 1::2])


def test_pixel_features_are_the_neighborhood() -> None:
    images = np.arange(12, dtype=np.uint8).reshape(1, 1, 3, 4)
    center, corner = pixel_features(images, np.array([0, 0]), np.array([1, 0]), np.array([2, 0]))
    assert center.tolist() == [1, 2, 3, 5, 6, 7, 9, 10, 11, pytest.approx(1 / 3), 0.5]
    assert corner[:9].tolist() == [0, 0, 1, 0, 0, 1, 4, 4, 5]


def test_a_class_that_the_sample_lacks_keeps_its_column() -> None:
    features = np.random.default_rng(0).normal(size=(90, 3)).astype(np.float32)
    classes = np.repeat([0, 2, 1], 30)
    baselines = fit_baselines(features, classes, kind="classes", train_rows=np.arange(60), max_seconds=5.0)
    for baseline in baselines:
        found = baseline.predict(features)
        assert found is not None
        assert found.shape == (90, 3)
        assert (found[:, 1] == 0).all()


def test_a_baseline_that_fails_says_why() -> None:
    features, classes = np.zeros((20, 2), dtype=np.float32), np.repeat([0, 1], 10)
    baselines = fit_baselines(features, classes, kind="classes", train_rows=np.arange(10), max_seconds=5.0)
    assert [b.predict(features) is None for b in baselines] == [False, True, True]
    assert baselines[2].note == "could not be fitted: the rows to train on hold a single class"


def test_every_class_is_in_a_small_sample() -> None:
    rng = np.random.default_rng(0)
    classes = np.concatenate([np.zeros(99_000, dtype=np.int64), np.arange(1, 5)])
    features = rng.normal(size=(len(classes), 90)).astype(np.float32) + classes[:, None]
    found = fit_baselines(features, classes, kind="classes", train_rows=np.arange(len(classes)), max_seconds=0.5)
    probabilities = found[1].predict(features[-4:])
    assert found[1].note.startswith("trained on 888 of 99,004 rows")
    assert probabilities is not None
    assert (probabilities > 0).all()


def test_no_time_is_no_baseline() -> None:
    images, classes, train, _ = digits()
    found = fit_baselines(images, classes, kind="classes", train_rows=train, max_seconds=0.0)
    assert {b.note for b in found} == {"left out: the time for baselines was used up"}


def test_linear_model_is_that_of_scikit_learn() -> None:
    images, classes, train, test = digits()
    features = images.reshape(len(images), -1).astype(np.float32)
    answer, remark = fit_linear(features[train], classes[train], 10, end=time.monotonic() + 60)
    scaler = StandardScaler().fit(features[train])
    expected = LogisticRegression(max_iter=500).fit(scaler.transform(features[train]), classes[train])
    np.testing.assert_allclose(
        answer(features[test]), expected.predict_proba(scaler.transform(features[test])), atol=0.05
    )
    assert remark == ""


def test_fitting_ends_when_the_time_is_up() -> None:
    images, classes, train, _ = digits()
    features = images.reshape(len(images), -1).astype(np.float32)[train]
    past = time.monotonic() - 1
    assert fit_linear(features, classes[train], 10, end=past)[1] == "ended after 20 iterations"
    remark = fit_trees(features, classes[train], 10, tree_plan(5.0, 64, 10), end=past, seed=0)[1]
    assert remark == "ended after 1 of 40 rounds, for lack of time"


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="must be one of classes, labels, values, masks. Received: kind='boxes'"):
        fit_baselines(np.zeros((2, 2)), np.zeros(2), kind="boxes", train_rows=np.arange(2))


@pytest.mark.parametrize("count", [12, 2000])
def test_numbers_of_levels_are_no_quantities(count: int) -> None:
    rng = np.random.default_rng(0)
    ids = rng.integers(1, 13, 4000) * (count // 13 if count > 13 else 1)
    effect = rng.normal(size=count + 1)
    inputs = np.column_stack([ids, rng.normal(size=4000)]).astype(np.float32)
    targets = effect[ids] + rng.normal(0, 0.1, 4000)
    train, test = np.arange(3000), np.arange(3000, 4000)
    found = {}
    for name, levels in (("told", (count + 1, 0)), ("not told", ())):
        baselines = fit_baselines(inputs, targets, kind="values", train_rows=train, max_seconds=5.0, levels=levels)
        found[name] = scores(baselines, "r2", inputs[test], targets[test])
    assert found["told"]["linear"] > 0.95  # type: ignore[operator]
    assert found["not told"]["linear"] < 0.5  # type: ignore[operator]
    assert found["told"]["trees"] > 0.95  # type: ignore[operator]
