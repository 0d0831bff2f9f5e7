from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from mapsto.data.encoders.features import Features
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions
from mapsto.testing.tables import make_table


def fitted(table, rows=None, **options):
    encoder = Features(tuple(table.columns), DataOptions(**options))
    notes = encoder.fit(table, np.arange(len(table)) if rows is None else np.asarray(rows))
    return encoder, [note.message for note in notes]


@pytest.mark.parametrize(
    ("scale", "scaler"),
    [("standard", StandardScaler()), ("minmax", MinMaxScaler()), ("symmetric", MinMaxScaler(feature_range=(-1, 1)))],
)
def test_numbers_are_scaled_as_scikit_learn_scales_them(scale, scaler):
    values = np.random.default_rng(0).normal(50, 9, (60, 3))
    table = make_table({name: values[:, place] for place, name in enumerate("abc")})
    encoder, _ = fitted(table, range(40), scale=scale)
    expected = scaler.fit(values[:40]).transform(values)
    np.testing.assert_allclose(encoder.encode(table), expected, rtol=1e-5, atol=1e-6)


def test_without_scaling_numbers_stay_and_minmax_may_be_left_by_new_rows():
    table = make_table({"a": [0.0, 10.0, 20.0]})
    assert fitted(table, scale="none")[0].encode(table)[:, 0].tolist() == [0, 10, 20]
    assert fitted(table, [0, 1], scale="minmax")[0].encode(table)[:, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize(("missing", "fill"), [("median", 2), ("mean", 4), ("constant", 0), ("drop", 2)])
def test_a_missing_number_is_replaced_by_what_training_says(missing, fill):
    table = make_table({"Age": [1, 2, 9, None, 1000, None]})
    encoder, notes = fitted(table, [0, 1, 2, 3], scale="none", missing=missing)
    assert encoder.spec.names == ("Age", "Age missing")
    assert encoder.encode(table).tolist() == [[1, 0], [2, 0], [9, 0], [fill, 1], [1000, 0], [fill, 1]]
    assert "Missing numbers in one column (Age 25 %) are replaced by" in notes[0]


def test_a_number_missing_in_new_rows_only_is_filled_without_an_indicator():
    table = make_table({"Age": [1, 2, 9, None]})
    encoder, notes = fitted(table, [0, 1, 2], scale="none")
    assert encoder.encode(table).tolist() == [[1], [2], [9], [2]]
    assert notes == []


def test_infinity_counts_as_missing_with_a_warning():
    table = make_table({"a": [1.0, 3.0, np.inf, -np.inf]})
    encoder = Features(["a"], DataOptions(scale="none"))
    warning = encoder.fit(table, np.arange(4))[0]
    assert (warning.level, warning.column) == ("warning", "a")
    assert warning.message == "2 infinite values in training (a); treated as missing."
    assert encoder.encode(table).tolist() == [[1, 0], [3, 0], [2, 1], [2, 1]]


def test_levels_beyond_the_most_frequent_share_a_feature():
    table = make_table({"city": ["Ulm", "Ulm", "Bonn", "Bonn", "Jena", "Kiel", None, "Lund"]})
    encoder, notes = fitted(table, range(7), max_levels=2)
    assert encoder.spec.names == ("city=Bonn", "city=Ulm", "city missing", "city other")
    assert encoder.encode(table).argmax(axis=1).tolist() == [1, 1, 0, 0, 3, 3, 2, 3]
    assert encoder.encode(table).sum() == 8
    assert notes[0].startswith("One column (city) has more than 2 levels; the 2 most frequent are kept, all others")


def test_an_unseen_level_is_zeros_where_training_has_no_other_levels():
    table = make_table({"Sex": ["male", "female", "diverse", None]})
    encoder, _ = fitted(table, [0, 1])
    assert encoder.spec.names == ("Sex=female", "Sex=male")
    assert encoder.encode(table).tolist() == [[0, 1], [1, 0], [0, 0], [0, 0]]


def test_levels_that_are_numbers_stand_in_their_order():
    table = make_table({"size": [10.0, 9.0, 10.0]}, kinds={"size": "category"})
    assert fitted(table)[0].spec.names == ("size=9", "size=10")


def test_constant_columns_are_left_out_with_a_note():
    table = make_table({"a": [1, 2, 3], "b": [5, 5, 5], "c": ["x", "x", "x"], "d": [None, None, None]})
    encoder, notes = fitted(table)
    assert encoder.spec.names == ("a",)
    assert notes == ["3 columns are constant in training and left out: b, c, d."]


def test_a_constant_that_is_sometimes_missing_leaves_its_indicator():
    table = make_table({"member since": [2020, None, 2020]})
    encoder, _ = fitted(table)
    assert encoder.spec.names == ("member since missing",)
    assert encoder.encode(table).tolist() == [[0], [1], [0]]


def test_a_table_of_constants_is_refused():
    with pytest.raises(
        DataError, match=r"table has no column to learn from: in the 2 training rows each has one value"
    ):
        fitted(make_table({"a": [1, 1], "b": ["x", "x"]}))


def test_numbers_beyond_float32_stay_finite():
    table = make_table({"a": [1.0, 2.0, 1e300], "huge": [-1.7e308, 1.7e308, 1e308]})
    encoder, notes = fitted(table, [0, 1, 2], scale="none")
    assert np.isfinite(encoder.encode(table)).all()
    encoder, notes = fitted(table, [0, 1, 2])
    assert np.isfinite(encoder.encode(table)).all()
    assert any("too large to scale" in note for note in notes)


def test_a_column_that_is_not_there_is_named_with_its_nearest():
    encoder, _ = fitted(make_table({"Age": [1, 2], "Fare": [3, 4]}))
    with pytest.raises(DataError, match=r'new\.csv has no column "Age", which is needed\. Did you mean "age"\?'):
        encoder.encode(make_table({"age": [1], "Fare": [3]}, name="new.csv"))


def test_text_in_a_column_of_numbers_counts_as_missing():
    encoder, _ = fitted(make_table({"Age": [1, 2, 6]}), scale="none")
    assert encoder.encode(make_table({"Age": ["4", "unknown"]})).tolist() == [[4], [2]]


def test_ten_thousand_columns_take_seconds():
    values = np.random.default_rng(0).normal(size=(10_000, 100))
    values[:, 0] = np.nan
    table = make_table({f"c{place}": column for place, column in enumerate(values)})
    start = time.perf_counter()
    encoder, _ = fitted(table)
    encoded = encoder.encode(table)
    assert time.perf_counter() - start < 20  # 1.5 s alone on a slow core
    assert encoded.shape == (100, 20_000)
    assert encoder.spec.names[:2] == ("c0", "c0 missing")
    assert encoded[0, 1::2].all()
