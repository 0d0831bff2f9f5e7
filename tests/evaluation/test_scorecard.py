"""A scorecard holds what the report shows, and survives its file."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, jaccard_score, precision_recall_fscore_support

from mapsto import _files
from mapsto.evaluation.intervals import wilson
from mapsto.evaluation.scorecard import ClassScore, RegionScore, Scorecard, score
from mapsto.testing.metrics import sample

NAMES = ("ant", "bee", "<cat>")


def of_classes(rows: int = 60) -> Scorecard:
    return score(("accuracy", "log_loss", "roc_auc"), *sample("probabilities", rows), NAMES, "test", seed=0)


def of_values(rows: int = 60) -> Scorecard:
    return score(("rmse", "r2"), *sample("values", rows), None, "test", seed=0)


def of_masks(rows: int = 12) -> Scorecard:
    return score(("mean_iou", "pixel_accuracy"), *sample("masks", rows), NAMES, "validation", seed=0)


@pytest.mark.parametrize("card", [of_classes(), of_values(), of_masks()], ids=["classes", "values", "masks"])
def test_scorecard_survives_its_file(card: Scorecard, tmp_path: Path) -> None:
    path = tmp_path / "scorecard.json"
    _files.write_json(path, card.to_json())
    assert Scorecard.from_json(_files.read_json(path)) == card


def test_json_is_as_the_report_reads_it() -> None:
    stored = of_classes().to_json()
    assert list(stored) == ["part", "rows", "metrics", "per_class", "confusion", "residuals"]
    assert (stored["part"], stored["rows"], stored["residuals"]) == ("test", 60, None)
    accuracy = stored["metrics"]["accuracy"]
    assert list(accuracy) == ["title", "value", "low", "high", "level", "method", "direction", "percent"]
    assert (accuracy["method"], accuracy["direction"], accuracy["percent"]) == ("Wilson", "maximize", True)
    assert list(stored["per_class"][0]) == ["name", "rows", "precision", "recall", "f1", "recall_low", "recall_high"]
    assert list(stored["confusion"]) == ["names", "counts"]


def test_what_is_undefined_becomes_null_and_back() -> None:
    predictions, targets = sample("probabilities", 30)
    card = score(("roc_auc",), predictions, np.minimum(targets, 1), NAMES, "test", seed=0)
    stored = json.loads(json.dumps(card.to_json(), allow_nan=False))
    assert stored["metrics"]["roc_auc"]["value"] is None
    assert stored["per_class"][2]["recall"] is None
    assert math.isnan(Scorecard.from_json(stored).metrics["roc_auc"].value)


def test_classes_agree_with_scikit_learn() -> None:
    predictions, targets = sample("probabilities", 60)
    answers, card = predictions.argmax(axis=1), of_classes()
    precision, recall, f1, rows = precision_recall_fscore_support(targets, answers)
    assert card.per_class is not None
    assert card.confusion is not None
    for index, found in enumerate(card.per_class):
        assert isinstance(found, ClassScore)
        np.testing.assert_allclose(
            [found.precision, found.recall, found.f1], [precision[index], recall[index], f1[index]]
        )
        ends = wilson(round(found.recall * found.rows), int(rows[index]))
        assert (found.name, found.recall_low, found.recall_high) == (NAMES[index], ends.low, ends.high)
    np.testing.assert_array_equal(card.confusion.counts, confusion_matrix(targets, answers))


def test_regions_agree_with_scikit_learn() -> None:
    predictions, masks = sample("masks", 12)
    card, scored = of_masks(), masks >= 0
    expected = jaccard_score(masks[scored], predictions[scored], average=None)
    assert card.per_class is not None
    assert card.confusion is not None
    for index, found in enumerate(card.per_class):
        assert isinstance(found, RegionScore)
        assert math.isclose(found.iou, expected[index])
        assert found.iou_low < found.iou < found.iou_high
        assert (found.rows, found.pixels) == (12, int((masks == index).sum()))
    np.testing.assert_array_equal(card.confusion.counts, confusion_matrix(masks[scored], predictions[scored]))


def test_residuals_are_a_sample_of_the_rows() -> None:
    card = of_values(5000)
    predictions, targets = sample("values", 5000)
    assert card.residuals is not None
    pairs = set(zip(card.residuals.predicted, card.residuals.actual, strict=True))
    assert len(pairs) == 2000
    assert pairs <= set(zip(predictions.tolist(), targets.tolist(), strict=True))
    assert of_values(5000) == card


def test_classes_without_a_name_are_called_by_number() -> None:
    card = score(("accuracy",), *sample("probabilities", 9), ("ant",), "test", seed=0)
    assert card.confusion is not None
    assert card.confusion.names == ("ant", "1", "2")


def test_text_says_value_interval_and_method() -> None:
    predictions = np.eye(2)[[0] * 98 + [1] * 2]
    card = score(("accuracy", "roc_auc"), predictions, np.zeros(100, dtype=int), ("no", "yes"), "test", seed=0)
    assert str(card).splitlines() == [
        "test part, 100 rows",
        "accuracy  98.0% (93.0% to 99.4%)  95%, Wilson",
        "ROC-AUC   –",
    ]


def test_html_is_escaped() -> None:
    card = of_classes()
    titled = replace(card, metrics={"m": replace(card.metrics["accuracy"], title="<b>&")})
    html = titled._repr_html_()
    assert "<td>&lt;b&gt;&amp;</td>" in html
    assert "<b>" not in html
