"""Dates in text and in frames: what is read as one, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mapsto.data import dates
from mapsto.data.encoders.features import Features
from mapsto.data.preprocessing import Preprocessing
from mapsto.data.read import read
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions
from mapsto.testing.tables import make_table

DAY = np.datetime64("2024-01-31", "ns")
ROWS = 40


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31", "2024-01-31"),
        ("2024/1/31", "2024-01-31"),
        ("2024.01.31", "2024-01-31"),
        ("2024-01-31T17:05", "2024-01-31T17:05"),
        ("2024-01-31 17:05:06.789", "2024-01-31T17:05:06.789"),
        ("31/01/2024 17:05:06,25 +01:00", "2024-01-31T16:05:06.250"),
        ("2024-01-31T17:05:00Z", "2024-01-31T17:05"),
        ("2024-01-31T01:05:00+08:00", "2024-01-30T17:05"),
        ("31/01/2024", "2024-01-31"),
        ("1/31/2024 5:05 PM", "2024-01-31T17:05"),
        ("31.1.2024 12:05 am", "2024-01-31T00:05"),
        ("31 Jan 2024", "2024-01-31"),
        ("31-January-2024", "2024-01-31"),
        ("January 31, 2024", "2024-01-31"),
        ("2024年1月31日", "2024-01-31"),
    ],
)
def test_a_date_is_read(text, expected):
    found = dates.read(np.asarray([text, None], dtype=object))
    assert found.values[0] == np.datetime64(expected)
    assert np.isnat(found.values[1])
    assert found.strange == []


@pytest.mark.parametrize("text", ["17:05", "31/01/24", "2024", "20240131", "10-11", "1.2.3.4", "555-123-4567", "May"])
def test_what_is_no_date_for_sure_is_none(text):
    assert dates.read(np.asarray([text] * 3, dtype=object)) is None


@pytest.mark.parametrize("text", ["2024-02-30", "2023-13-01", "2024-01-31 25:00", "9999-12-31", "0001-01-01"])
def test_days_that_no_calendar_or_no_64_bits_hold_are_strange(text):
    found = dates.read(np.asarray([text, "2024-01-01"], dtype=object))
    assert found.strange == [text]
    assert np.isnat(found.values).tolist() == [True, False]


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (["03/04/2024", "31/01/2024"], "day_first"),
        (["03/04/2024", "01/31/2024"], "month_first"),
        (["03/04/2024", "05/06/2024"], "unknown"),
        (["13/04/2024", "05/26/2024"], "mixed"),
        (["2024-03-04"], "none"),
    ],
)
def test_the_data_tell_which_is_the_day(texts, order):
    found = dates.read(np.asarray(texts, dtype=object))
    assert found.order == order
    if order == "day_first":
        assert found.values[0] == np.datetime64("2024-04-03")
    if order == "month_first":
        assert found.values[0] == np.datetime64("2024-03-04")


def frame(texts):
    return pd.DataFrame({"joined": texts, "price": np.random.default_rng(0).random(len(texts))})


def table(texts, **options):
    return read(frame(texts), options=DataOptions(target="price", **options))


def test_a_column_of_dates_in_text_is_one_of_dates():
    found = table([f"2024-01-{1 + row % 28:02d}" for row in range(ROWS)])
    assert found.columns["joined"].kind == "date"
    assert found.columns["joined"].values[3] == np.datetime64("2024-01-04")


def test_dates_that_could_be_either_stay_text_with_a_warning():
    found = table([f"0{1 + row % 5}/0{1 + row % 4}/2024" for row in range(ROWS)])
    assert found.columns["joined"].kind == "category"
    (note,) = [note for note in found.notes if note.level == "warning"]
    assert "whether the day or the month comes first, the data do not tell; it is read as text" in note.message
    with pytest.raises(DataError, match=r'"joined" is stated to be dates .* its first value is "01/01/2024"'):
        table([f"0{1 + row % 9}/0{1 + row % 7}/2024" for row in range(ROWS)], columns={"joined": "date"})


def test_nearly_all_dates_are_dates_with_a_warning():
    texts = [f"2024-01-{1 + row % 28:02d}" for row in range(ROWS - 1)] + ["unknown"]
    found = table(texts)
    assert found.columns["joined"].kind == "date"
    assert any('some of its cells are none ("unknown")' in note.message for note in found.notes)


def test_stated_dates_may_have_other_text_among_them():
    texts = [f"{1 + row % 28}.2.2024" for row in range(ROWS // 2)] + ["none"] * (ROWS // 2)
    assert table(texts).columns["joined"].kind == "category"
    found = table(texts, columns={"joined": "date"})
    assert found.columns["joined"].date_order == "day_first"
    assert np.isnat(found.columns["joined"].values[-1])
    assert any("which is read as missing" in note.message for note in found.notes)


def test_a_stated_kind_wins():
    texts = [f"2024-01-{1 + row % 28:02d}" for row in range(ROWS)]
    assert table(texts, columns={"joined": "category"}).columns["joined"].values[0] == "2024-01-01"
    numbers = table(texts, columns={"joined": "numeric"}).columns["joined"]
    assert (numbers.kind, numbers.values[0]) == ("numeric", 19723.0)
    frame_dates = table(pd.date_range("2024-01-01", periods=ROWS), columns={"joined": "category"})
    assert frame_dates.columns["joined"].values[1] == "2024-01-02"


def test_a_date_that_a_frame_holds_beyond_64_bits_is_missing():
    held = np.asarray(["2024-01-01", "9999-12-31"] * 20, dtype="datetime64[s]")
    values = table(held).columns["joined"].values
    assert values.dtype == "datetime64[ns]"
    assert np.isnat(values[:2]).tolist() == [False, True]


def fitted(moments, rows=None, **options):
    values = np.asarray(moments, dtype="datetime64[ns]")
    made = make_table({"at": ["x"] * len(values)})
    made.columns["at"] = replace(made.columns["at"], kind="date", values=values)
    encoder = Features(["at"], DataOptions(**{"scale": "none"} | options))
    encoder.fit(made, np.arange(len(values)) if rows is None else np.asarray(rows))
    return encoder, made


def test_parts_that_vary_become_features():
    encoder, _ = fitted(["2024-03-04", "2024-03-11", "2024-03-18"])
    assert encoder.spec.names == ("at year", "at day of month sine", "at day of month cosine")
    encoder, _ = fitted(["2023-03-04T05:00", "2024-04-11T06:00"])
    assert [name for name in encoder.spec.names if name.endswith("sine") and "co" not in name] == [
        "at month sine", "at day of month sine", "at weekday sine", "at hour sine",
    ]  # fmt: skip


def test_what_comes_around_has_neighbors_at_its_ends():
    moments = [f"2024-{month:02d}-15" for month in range(1, 13)]
    encoder, made = fitted(moments)
    names = encoder.spec.names
    circle = encoder.encode(made)[:, [names.index("at month sine"), names.index("at month cosine")]]
    steps = np.linalg.norm(circle - np.roll(circle, 1, axis=0), axis=1)  # December to January is the first
    np.testing.assert_allclose(steps, steps[0], rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(circle, axis=1), 1, rtol=1e-6)


def test_the_year_goes_on_and_a_missing_date_is_the_middle():
    encoder, made = fitted(["2023-01-01", "2024-07-02", None, "2025-01-01"])
    found = encoder.encode(made)
    assert encoder.spec.names[:2] == ("at year", "at missing")
    np.testing.assert_allclose(found[:, 0], [2023, 2024.5, 2024.5, 2025], atol=1e-3)
    assert found[:, 1].tolist() == [0, 0, 1, 0]
    assert found[2, 2:].tolist() == [0] * (found.shape[1] - 2)


def test_new_text_is_read_as_that_of_training_was():
    texts = [f"{1 + row % 28:02d}/0{1 + row % 3}/2024" for row in range(ROWS)]
    trained = table(texts)
    encoder = Features(["joined"], DataOptions(scale="none"))
    encoder.fit(trained, np.arange(ROWS))
    fitted_before = Preprocessing({"inputs": encoder}, DataOptions(scale="none"), {"joined": "date"})
    again = Preprocessing.from_json(fitted_before.to_json())
    new = read(frame(["03/04/2024"] * 2), options=again.reading_options, target_needed=False)
    iso = read(frame(["2024-04-03"] * 2), options=again.reading_options, target_needed=False)
    assert again.encode(new)["inputs"].tolist() == again.encode(iso)["inputs"].tolist()
    assert new.columns["joined"].kind == "date"


def test_a_network_can_tell_weekends_from_dates_alone():
    from sklearn.linear_model import LogisticRegression

    days = np.random.default_rng(0).integers(0, 900, 600)
    moments = np.datetime64("2022-01-01", "ns") + days * np.timedelta64(1, "D")
    weekend = pd.DatetimeIndex(moments).day_of_week >= 5
    encoder, made = fitted(moments, range(400), scale="standard")
    matrix = encoder.encode(made)
    model = LogisticRegression(C=100, max_iter=1000).fit(matrix[:400], weekend[:400])
    assert model.score(matrix[400:], weekend[400:]) == 1.0


def test_the_order_of_training_holds_against_an_odd_date(caplog):
    known = [f"{day:02}/{month:02}/2024" for day in range(1, 29) for month in (1, 2, 7)]
    frame = pd.DataFrame({"joined": known, "price": np.arange(len(known)) % 7 / 3})
    options = DataOptions(target="price")
    table = read(frame, options=options)
    encoder = Features(["joined"], options)
    encoder.fit(table, np.arange(len(table)))
    fitted = Preprocessing({"inputs": encoder}, options, {"joined": "date"})
    rows = pd.DataFrame({"joined": ["05/02/2024", "01/13/2024"]})
    found = fitted.encode(read(rows, options=fitted.reading_options, target_needed=False))["inputs"]
    alone = fitted.encode(read(rows[:1], options=fitted.reading_options, target_needed=False))["inputs"]
    np.testing.assert_array_equal(found[0], alone[0])
    assert '"01/13/2024"' in caplog.text


def test_fractions_of_seconds_are_written():
    moments = np.array(["2024-01-31T17:05:06.250", "NaT", "2024-01-31T17:05:07"], dtype="datetime64[ns]")
    assert dates.written(moments).tolist() == ["2024-01-31T17:05:06.250", None, "2024-01-31T17:05:07.000"]
