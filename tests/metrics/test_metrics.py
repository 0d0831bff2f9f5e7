"""Every metric keeps the contract, and is what scikit-learn says it is."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any, ClassVar

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mapsto.metrics.accuracy import Accuracy
from mapsto.metrics.balanced_accuracy import BalancedAccuracy
from mapsto.metrics.base import Direction, Form, Metric
from mapsto.metrics.f1 import F1
from mapsto.metrics.log_loss import LogLoss
from mapsto.metrics.mae import MAE
from mapsto.metrics.mean_average_precision import MeanAveragePrecision
from mapsto.metrics.mean_iou import MeanIoU
from mapsto.metrics.micro_f1 import MicroF1
from mapsto.metrics.pixel_accuracy import PixelAccuracy
from mapsto.metrics.r2 import R2
from mapsto.metrics.rmse import RMSE
from mapsto.metrics.roc_auc import RocAuc
from mapsto.metrics.subset_accuracy import SubsetAccuracy
from mapsto.recipe.families import METRICS
from mapsto.testing.metrics import check_metric, sample

quick = settings(max_examples=40, deadline=None, derandomize=True, database=None)
seeds, rows, classes = st.integers(0, 10**6), st.integers(1, 80), st.integers(2, 6)


@pytest.mark.parametrize("name", METRICS.names())
def test_metric_keeps_the_contract(name: str) -> None:
    check_metric(METRICS.get(name))


class Inverted(Metric):
    """Accuracy, declared the wrong way round."""

    title: ClassVar[str] = "inverted"
    direction: ClassVar[Direction] = "minimize"
    takes: ClassVar[Form] = "probabilities"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __call__(self, predictions: NDArray[Any], targets: NDArray[Any]) -> float:
        return Accuracy()(predictions, targets)


def test_conformance_suite_refuses_a_wrong_direction() -> None:
    with pytest.raises(AssertionError, match=r"perfect predictions give 1\.0, not 0\.0"):
        check_metric(Inverted)


def drawn(seed: int, rows: int, classes: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities with ties, and class ids of which some may be absent."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(1, 5, size=(rows, classes)).astype(np.float64)
    return scores / scores.sum(axis=1, keepdims=True), rng.integers(classes, size=rows)


@quick
@given(seeds, rows, classes)
def test_classification_agrees_with_scikit_learn(seed: int, rows: int, classes: int) -> None:
    probabilities, truth = drawn(seed, rows, classes)
    answers, labels = probabilities.argmax(axis=1), list(range(classes))
    found = [m()(probabilities, truth) for m in (Accuracy, F1, LogLoss)]
    expected = [
        reference.accuracy_score(truth, answers),
        reference.f1_score(truth, answers, average="macro", zero_division=0.0),
        reference.log_loss(truth, probabilities, labels=labels),
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@quick
@given(seeds, rows, classes)
def test_balanced_accuracy_agrees_with_scikit_learn(seed: int, rows: int, classes: int) -> None:
    probabilities, truth = drawn(seed, rows, classes)
    present = np.unique(truth)
    expected = reference.recall_score(truth, probabilities.argmax(axis=1), labels=present, average="macro")
    assert math.isclose(BalancedAccuracy()(probabilities, truth), expected)


@quick
@given(seeds, st.integers(12, 80), classes)
def test_roc_auc_agrees_with_scikit_learn(seed: int, rows: int, classes: int) -> None:
    probabilities, truth = drawn(seed, rows, classes)
    truth[:classes] = np.arange(classes)
    scores = probabilities[:, 1] if classes == 2 else probabilities
    expected = reference.roc_auc_score(truth, scores, multi_class="ovr")
    assert math.isclose(RocAuc()(probabilities, truth), expected)


@quick
@given(seeds, rows, classes)
def test_metrics_of_labels_agree_with_scikit_learn(seed: int, rows: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    scores, truth = rng.integers(1, 10, size=(rows, classes)) / 10, rng.integers(2, size=(rows, classes))
    scores[0, 0] = truth[0, 0] = 1
    answers, some = (scores >= 0.5).astype(int), truth.any(axis=0)
    involved = np.flatnonzero(some | answers.any(axis=0))
    found = [m()(scores, truth) for m in (F1, MicroF1, SubsetAccuracy, MeanAveragePrecision)]
    expected = [
        reference.f1_score(truth, answers, average="macro", labels=involved, zero_division=0.0),
        reference.f1_score(truth, answers, average="micro", zero_division=0.0),
        reference.accuracy_score(truth, answers),
        np.mean([reference.average_precision_score(truth[:, c], scores[:, c]) for c in np.flatnonzero(some)]),
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_metrics_of_labels_where_no_row_has_any() -> None:
    scores, truth = np.full((5, 3), 0.2), np.zeros((5, 3))
    found = [m()(scores, truth) for m in (F1, MicroF1, MeanAveragePrecision, SubsetAccuracy)]
    assert [math.isnan(value) for value in found] == [True, True, True, False]
    assert found[-1] == 1.0


def test_f1_of_labels_hides_no_nan() -> None:
    assert math.isnan(F1()(np.array([[np.nan, 0.9], [0.1, 0.9]]), np.array([[1, 1], [0, 1]])))


def test_roc_auc_is_undefined_where_a_class_is_absent() -> None:
    probabilities, truth = drawn(0, 20, 3)
    assert math.isnan(RocAuc()(probabilities, np.minimum(truth, 1)))


@quick
@given(seeds, st.integers(2, 80), st.sampled_from([0.0, 1e6]))
def test_regression_agrees_with_scikit_learn(seed: int, rows: int, far: float) -> None:
    rng = np.random.default_rng(seed)
    truth = far + rng.normal(size=rows)
    values = truth + rng.normal(size=rows)
    found = [m()(values, truth) for m in (RMSE, MAE, R2)]
    expected = [f(truth, values) for f in (reference.root_mean_squared_error, reference.mean_absolute_error)]
    np.testing.assert_allclose(found, [*expected, reference.r2_score(truth, values)], rtol=1e-7)


def test_r2_is_undefined_for_equal_targets() -> None:
    assert math.isnan(R2()(np.array([1.0, 2.0, 3.0]), np.full(3, 0.1)))


@quick
@given(seeds, st.integers(1, 5), st.integers(1, 5))
def test_segmentation_agrees_with_scikit_learn(seed: int, images: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    predictions = rng.integers(classes, size=(images, 5, 7)).astype(np.uint8)
    masks = rng.integers(-1, classes, size=predictions.shape).astype(np.int16)
    scored = masks >= 0
    flat = masks[scored], predictions[scored]
    found = MeanIoU()(predictions, masks), PixelAccuracy()(predictions, masks)
    # Predictions in void pixels count nowhere, not even to say that a class occurs.
    assert math.isclose(found[0], reference.jaccard_score(*flat, average="macro", zero_division=0.0))
    assert math.isclose(found[1], reference.accuracy_score(*flat))


def test_void_may_be_stored_as_255() -> None:
    predictions, masks = sample("masks", 4)
    assert MeanIoU()(predictions, masks) == MeanIoU()(predictions, masks.astype(np.uint8))


def test_void_only_has_no_score() -> None:
    assert math.isnan(MeanIoU()(np.zeros((2, 3, 3), np.uint8), np.full((2, 3, 3), -1)))


@pytest.mark.parametrize(
    ("metric", "expected"), [(Accuracy, 1 / 2), (BalancedAccuracy, 1 / 2), (F1, 1 / 3), (LogLoss, 26 * np.log(2))]
)
def test_a_class_without_a_column_is_answered_wrongly(metric: type[Metric], expected: float) -> None:
    predictions, targets = np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0, 2])
    assert math.isclose(metric()(predictions, targets), expected)


def test_a_sure_and_wrong_answer_costs_what_the_type_can_tell() -> None:
    predictions = np.array([[1.0, 0.0]])
    assert math.isclose(LogLoss()(predictions, np.array([1])), 36.0437, rel_tol=1e-5)
    assert math.isclose(LogLoss()(predictions.astype(np.float32), np.array([1])), 15.9424, rel_tol=1e-5)


def test_a_column_of_values_is_refused_rather_than_stretched() -> None:
    with pytest.raises(ValueError, match=r"predictions\.shape=\(3, 1\), targets\.shape=\(3,\)"):
        RMSE()(np.zeros((3, 1)), np.zeros(3))


def test_labels_instead_of_probabilities_are_refused() -> None:
    with pytest.raises(ValueError, match=r"probabilities of shape \(rows, classes\)"):
        Accuracy()(np.zeros(3), np.zeros(3, dtype=int))


def test_a_class_id_that_is_negative_is_no_prediction() -> None:
    with pytest.raises(ValueError, match=r"must lie in \[0, 2\)\. Received ids from -1 to 1"):
        MeanIoU()(np.array([[[-1, 1]]]), np.array([[[0, 1]]]))


def test_metrics_load_without_scikit_learn() -> None:
    code = (
        "import sys\nfrom mapsto.recipe.families import METRICS\n[METRICS.get(n)() for n in METRICS.names()]\n"
        "sys.exit('sklearn' in sys.modules or 'scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
