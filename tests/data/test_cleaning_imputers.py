"""Every imputer: what stands for a missing number."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.impute import KNNImputer

from mapsto.data.cleaning.imputers.knn import KNN
from mapsto.data.encoders.features import Features
from mapsto.errors import DataError
from mapsto.recipe.families import IMPUTERS
from mapsto.recipe.schema import DataOptions
from mapsto.testing.tables import make_table


def fitted(values, rows=None, **options):
    values = np.asarray(values, dtype=np.float64)
    table = make_table({f"c{place}": column for place, column in enumerate(values.reshape(len(values), -1).T)})
    encoder = Features(tuple(table.columns), DataOptions(**{"scale": "none", "missing_indicator": False} | options))
    notes = encoder.fit(table, np.arange(len(values)) if rows is None else np.asarray(rows))
    return encoder, table, [note.message for note in notes]


def correlated(rows=1200, seed=0):
    """Four columns, the second and third of which follow from the first; and where the second is missing."""
    rng = np.random.default_rng(seed)
    first = rng.normal(size=rows)
    values = np.column_stack([100 * first, first**2 + rng.normal(0, 0.1, rows), 3 * first + rng.normal(0, 0.1, rows)])
    values = np.column_stack([values, rng.normal(size=rows)])
    holes = values.copy()
    gone = rng.random(rows) < 0.2
    holes[gone, 1] = np.nan
    holes[~gone & (rng.random(rows) < 0.1), 2] = np.nan
    return values, holes


def error(values, holes, column, **options):
    encoder, table, _ = fitted(holes, range(800), **options)
    gone = np.isnan(holes[:, column])
    return float(np.sqrt(np.mean((encoder.encode(table)[gone, column] - values[gone, column]) ** 2)))


def test_knn_restores_a_column_that_follows_from_another_better_than_the_median():
    values, holes = correlated()
    assert error(values, holes, 1, missing="knn") < 0.5 * error(values, holes, 1, missing="median")


def test_iterative_restores_a_column_that_is_linear_in_others():
    values, holes = correlated()
    found = error(values, holes, 2, missing="iterative")
    assert found < 0.1 * error(values, holes, 2, missing="median")
    assert found == pytest.approx(0.1, abs=0.05)  # the noise that no column tells


def test_knn_is_scikit_learns_on_standardized_columns():
    _, holes = correlated(300)
    center, deviation = np.nanmean(holes, axis=0), np.nanstd(holes, axis=0)
    expected = KNNImputer(n_neighbors=5).fit_transform((holes - center) / deviation) * deviation + center
    encoder, table, _ = fitted(holes, missing="knn")
    np.testing.assert_allclose(encoder.encode(table), expected, rtol=1e-4, atol=1e-4)


def test_knn_keeps_a_bounded_sample_and_says_so():
    _, holes = correlated(5000)
    encoder, _, notes = fitted(holes, missing="knn")
    assert len(encoder.state()["numbers"]["fills"]["donors"][0]) == 2000
    assert "the mean of the most similar training rows (of a sample of 2,000 of them)." in notes[0]
    assert KNN(DataOptions()).sample(10_000) == 20


def test_mode_and_constant():
    values = [[3, 1], [3, 2], [7, np.nan], [np.nan, 2], [9, 2]]
    encoder, table, notes = fitted(values, missing="mode")
    assert encoder.encode(table)[[3, 2], [0, 1]].tolist() == [3, 2]
    assert "replaced by the most frequent number of the training rows." in notes[0]
    encoder, table, _ = fitted(values, missing="constant", fill_value=-1.0)
    assert encoder.encode(table)[[3, 2], [0, 1]].tolist() == [-1, -1]


def test_a_constant_is_scaled_like_any_number():
    encoder, table, _ = fitted([0, 10, np.nan], missing="constant", fill_value=5, scale="minmax")
    assert encoder.encode(table)[:, 0].tolist() == [0, 1, 0.5]


def test_the_indicator_can_be_left_out():
    values = [1, 2, np.nan]
    assert fitted(values, missing_indicator=True)[0].spec.names == ("c0", "c0 missing")
    assert fitted(values, missing_indicator=True)[0].spec.levels == (0, 2)
    assert fitted(values, missing_indicator=False)[0].spec.names == ("c0",)


@pytest.mark.parametrize("missing", IMPUTERS.names())
@pytest.mark.parametrize("outliers", ["keep", "clip"])
def test_a_row_is_answered_the_same_alone_and_after_a_save(missing, outliers):
    _, holes = correlated(200)
    holes[:5] = np.nan  # rows without any number
    encoder, table, _ = fitted(holes, range(150), missing=missing, outliers=outliers, scale="standard")
    found = encoder.encode(table)
    assert np.isfinite(found).all()
    again = Features(encoder.columns, encoder.options)
    again.load(json.loads(json.dumps(encoder.state(), allow_nan=False)))
    alone = np.concatenate([again.encode(table.take(np.asarray([row]))) for row in range(200)])
    assert alone.tobytes() == found.tobytes()


@pytest.mark.parametrize("missing", IMPUTERS.names())
def test_nothing_missing_in_training_and_all_missing_later(missing):
    values = np.random.default_rng(0).normal(size=(60, 3))
    values[50:] = np.nan
    encoder, table, notes = fitted(values, range(50), missing=missing)
    assert np.isfinite(encoder.encode(table)).all()
    assert notes == []


def test_iterative_refuses_more_columns_than_it_can_do_in_time():
    with pytest.raises(DataError, match=r"takes too long with 301 of them \(at most 300\)"):
        fitted(np.random.default_rng(0).normal(size=(20, 301)), missing="iterative")
