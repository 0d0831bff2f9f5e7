"""How kinds, targets and parts are guessed, and that every guess is said."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mapsto.data.read import read
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

ROWS = 40
RNG = np.random.default_rng(0)
REVIEWS = [f"review {row} says that the film was very long" for row in range(ROWS)]


def table(values, target=None, **options):
    """A frame of one or more columns with a random target, read."""
    frame = pd.DataFrame({**values, "price": RNG.random(ROWS)} if target is None else values)
    return read(frame, options=DataOptions(target=target or "price", **options))


def kind(values, **options):
    return table({"x": values, "other": RNG.random(ROWS)}, **options).columns["x"].kind


def messages(read_table):
    return " ".join(note.message for note in read_table.notes)


KINDS = {
    "numbers": (RNG.random(ROWS), "numeric"),
    "few whole numbers": ([0, 1] * 20, "numeric"),
    "numbers as text": ([f" {row}.5" for row in range(ROWS)], "numeric"),
    "nullable integers": (pd.array([1, None, 3, 4] * 10, dtype="Int64"), "numeric"),
    "decimals": ([Decimal(row) for row in range(ROWS)], "numeric"),
    "dates": (pd.date_range("2020-01-01", periods=ROWS), "date"),
    "dates in a zone": (pd.date_range("2020-01-01", periods=ROWS, tz="Asia/Shanghai"), "date"),
    "spans": (pd.to_timedelta(range(ROWS), unit="h"), "numeric"),
    "booleans": ([True, False] * 20, "category"),
    "booleans with missing": ([True, None, False, True] * 10, "category"),
    "levels": (["a", "b"] * 20, "category"),
    "one level or missing": (["a", None] * 20, "category"),
    "declared categories": (pd.Categorical([1, 2] * 20), "category"),
    "text and numbers": (["1", "two"] * 20, "category"),
    "short text": (["good film", "bad film"] * 20, "category"),
    "free text": (REVIEWS, "text"),
    "Chinese text": ([f"这部电影很长{row}" for row in range(ROWS)], "text"),
    "text that repeats": (["one two three four five six", "a b c d e f g"] * 20, "category"),
    "constant": ([3] * ROWS, "ignore"),
    "constant text": (["a"] * ROWS, "ignore"),
    "empty": ([None] * ROWS, "ignore"),
    "blank": ([" "] * ROWS, "ignore"),
    "different everywhere": ([f"K{row}" for row in range(ROWS)], "ignore"),
    "lists": ([[row] for row in range(ROWS)], "ignore"),
    "bytes": ([bytes([row]) for row in range(ROWS)], "ignore"),
}


@pytest.mark.parametrize("case", KINDS)
def test_kind_of_an_input_column(case):
    values, expected = KINDS[case]
    assert kind(values) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("id", "ignore"),
        ("PassengerId", "ignore"),
        ("customer_id", "ignore"),
        ("Unnamed: 0", "ignore"),
        ("width", "numeric"),
        ("paid", "numeric"),
    ],
)
def test_whole_numbers_called_id_are_not_used(name, expected):
    assert table({name: range(ROWS), "other": RNG.random(ROWS)}).columns[name].kind == expected


def test_number_marks_are_missing_and_said():
    read_table = table({"x": ["1.5", "?", " ", "NA"] * 10, "other": RNG.random(ROWS)})
    np.testing.assert_array_equal(read_table.columns["x"].values[:4], [1.5, np.nan, np.nan, np.nan])
    assert '"x" has 10 cells that hold "?", read as missing.' in messages(read_table)


def test_levels_are_trimmed_and_missing_is_none():
    read_table = table({"x": [" a", "a ", "?", None] * 10, "other": RNG.random(ROWS)})
    assert read_table.columns["x"].values[:4].tolist() == ["a", "a", None, None]


def test_nearly_all_numbers_are_numbers_with_a_warning():
    values = [str(row) for row in range(ROWS - 1)] + ["unknown"]
    read_table = table({"x": values, "other": RNG.random(ROWS)})
    assert read_table.columns["x"].kind == "numeric"
    warning = next(note for note in read_table.notes if note.level == "warning")
    assert 'x" is read as numbers; 1 of its cells are none ("unknown")' in warning.message


def test_dates_of_a_frame_are_dates_and_as_a_target_days_since_1970():
    days = [dt.datetime(1970, 1, 2, 12), dt.datetime(1969, 12, 31)] * 20
    column = table({"x": days}).columns["x"]
    assert (column.kind, column.values.dtype) == ("date", "datetime64[ns]")
    assert column.values[0] == np.datetime64("1970-01-02T12")
    target = table({"x": RNG.random(ROWS), "y": days}, target="y").columns["y"]
    assert (target.kind, target.values[:2].tolist()) == ("numeric", [1.5, -1.0])


def test_infinity_is_left_for_the_encoder():
    assert np.isinf(table({"x": [1.0, np.inf] * 20}).columns["x"].values[1])


def test_columns_put_aside_for_one_reason_share_a_note():
    read_table = table({f"c{place}": [1] * ROWS for place in range(100)} | {"other": RNG.random(ROWS)})
    (note,) = read_table.notes
    assert note.message.startswith('100 columns ("c0", "c1", "c2", "c3", "c4" and 95 more) have the same value')


TARGETS = {
    "text": (["no", "yes"] * 20, "category"),
    "booleans": ([True, False] * 20, "category"),
    "two numbers": ([0, 1] * 20, "category"),
    "two numbers in few rows": ([3, 7] * 20, "category"),
    "a few whole numbers": ([1.0, 2.0, 3.0, 4.0] * 10, "category"),
    "too many for the rows": (list(range(5)) * 8, "numeric"),
    "many whole numbers": (range(ROWS), "numeric"),
    "fractions": ([0.5, 1.5] * 20, "numeric"),
    "free text": (REVIEWS, "text"),
}


@pytest.mark.parametrize("case", TARGETS)
def test_kind_of_a_target(case):
    values, expected = TARGETS[case]
    column = table({"x": RNG.random(ROWS), "t": values}, target="t").columns["t"]
    assert column.kind == expected


def test_whole_numbers_as_classes_are_said_and_can_be_overridden():
    values = {"x": RNG.random(ROWS), "t": [1, 2, 3, 4] * 10}
    assert "set `data.columns.t` to numeric" in messages(table(values, target="t"))
    stated = table(values, target="t", columns={"t": "numeric"})
    assert (stated.columns["t"].kind, stated.columns["t"].inferred, messages(stated)) == ("numeric", False, "")


def test_classes_of_images_may_be_many():
    classes = np.arange(300) // 3
    read_table = read((np.zeros((300, 4, 4), np.uint8), classes), options=DataOptions())
    assert read_table.columns["target"].kind == "category"


@pytest.mark.parametrize("name", ["target", "Label", "CLASS", "y"])
def test_target_is_found_by_a_sure_name(name):
    assert read({"x": range(ROWS), name: [0, 1] * 20}, options=DataOptions()).target == name


def test_two_sure_names_are_not_sure():
    with pytest.raises(DataError, match='Which column of data is to be predicted.*"x", "label", "y"'):
        read({"x": range(ROWS), "label": [0, 1] * 20, "y": [0, 1] * 20}, options=DataOptions())


def test_target_is_never_put_aside():
    assert table({"x": RNG.random(ROWS), "id": range(ROWS)}, target="id").columns["id"].kind == "numeric"


def test_split_column_gives_the_parts():
    read_table = table({"x": RNG.random(ROWS), "Subset": ["Train", "dev", "valid", "TEST"] * 10})
    assert read_table.given_parts is not None
    assert read_table.given_parts[:4].tolist() == ["train", "validation", "validation", "test"]
    assert read_table.columns["Subset"].kind == "ignore"
    assert "train 10, validation 20, test 10 rows" in messages(read_table)


def test_a_column_called_split_with_other_values_is_an_input():
    read_table = table({"split": ["train", "left", "right", "test"] * 10})
    assert (read_table.given_parts, read_table.columns["split"].kind) == (None, "category")


def test_named_split_column_may_leave_rows_open():
    read_table = table({"x": RNG.random(ROWS), "fold": ["train", None, "val", "test"] * 10}, split_column="fold")
    assert read_table.given_parts is not None
    assert read_table.given_parts[:4].tolist() == ["train", "", "validation", "test"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split_column": "x"}, 'Column "x" of data .* holds "a", "b", but a part is called one of train'),
        ({"split_column": "X"}, 'no column "X" .* Did you mean "x"'),
        ({"columns": {"X": "text"}}, '`data.columns` names "X", .* Did you mean "x"'),
        ({"columns": {"x": "numeric"}}, 'Column "x" is stated to be numeric, but holds no number: its first is "a"'),
    ],
)
def test_what_is_stated_must_fit(options, message):
    with pytest.raises(DataError, match=message):
        table({"x": ["a", "b"] * 20}, **options)


STATED = {
    "numbers as levels": ([1.0, 2.5] * 20, "category", ["1", "2.5"]),
    "text as numbers": (["3", "x"] * 20, "numeric", [3.0, np.nan]),
    "booleans as numbers": ([True, False] * 20, "numeric", [1.0, 0.0]),
    "levels as text": (["a", "b"] * 20, "text", ["a", "b"]),
    "constants as numbers": ([7, 7] * 20, "numeric", [7.0, 7.0]),
}


@pytest.mark.parametrize("case", STATED)
def test_stated_kind_decides(case):
    values, stated, expected = STATED[case]
    column = table({"x": values, "other": RNG.random(ROWS)}, columns={"x": stated}).columns["x"]
    assert (column.kind, column.inferred) == (stated, False)
    np.testing.assert_array_equal(column.values[:2], np.array(expected, dtype=column.values.dtype))


def test_a_column_of_file_names_is_read_as_images(tmp_path):
    for row in range(20):
        Image.new("L", (5, 3), row).save(tmp_path / f"{row}.png")
    text = "file,depth\n" + "".join(f"{row}.png,{row / 7}\n" for row in range(20))
    (tmp_path / "a.csv").write_text(text)
    read_table = read(tmp_path / "a.csv", options=DataOptions(target="depth", columns={"file": "image"}))
    decoded = read_table.columns["file"].values[7].decode()
    assert (read_table.columns["file"].kind, decoded.shape, decoded.max()) == ("image", (3, 5), 7)


def test_images_cannot_be_read_as_text():
    with pytest.raises(DataError, match='Column "image" holds images and cannot be read as text'):
        read("digits", options=DataOptions(columns={"image": "text"}))


def test_names_that_are_no_text_are_made_text():
    frame = pd.DataFrame(RNG.random((ROWS, 3)))
    assert list(read(frame, options=DataOptions(target="2")).columns) == ["0", "1", "2"]


def test_complex_numbers_are_refused():
    with pytest.raises(DataError, match='Column "x" holds complex numbers'):
        table({"x": RNG.random(ROWS) + 1j})


def test_text_with_leading_zeros_is_a_code():
    read_table = table({"zip": ["01", "1", "001", "20"] * 10, "other": RNG.random(ROWS)}, "zip")
    assert read_table.columns["zip"].kind == "category"
    assert read_table.columns["zip"].values[:3].tolist() == ["01", "1", "001"]
    assert 'codes such as "01", with a leading zero' in messages(read_table)
    assert kind(["0", "0.5", "-0.25", "10"] * 10) == "numeric"
    assert kind(["01", "1"] * 20, columns={"x": "numeric"}) == "numeric"


@pytest.mark.parametrize("dtype", ["int64", "uint64", "Int64", "object", "str"])
def test_whole_numbers_that_floats_merge_stay_different(dtype):
    values = pd.Series([2**53, 2**53 + 1, 5, 2**62 + 1] * 10).astype(dtype)
    read_table = table({"x": values})
    assert read_table.columns["x"].kind == "category"
    assert read_table.columns["x"].values[:4].tolist() == [str(2**53), str(2**53 + 1), "5", str(2**62 + 1)]
    assert "more digits than a number holds exactly" in messages(read_table)


def test_long_numbers_that_floats_hold_are_numbers():
    assert kind(np.array([2**60, 2**53, 1, 2] * 10)) == "numeric"


def test_unread_text_that_is_put_aside_is_shown():
    read_table = table({"x": [f"about {row}" for row in range(ROWS)], "other": RNG.random(ROWS)})
    (note,) = [note for note in read_table.notes if note.column == "x"]
    assert note.level == "warning"
    assert '("about 0", "about 1", "about 2")' in note.message
