"""Numbers as people write them are numbers, are read alike in training and to predict, and names stay names."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mapsto as mp
from mapsto.data.number_formats import NumberFormat
from mapsto.data.prepare import prepare
from mapsto.data.preprocessing import Preprocessing
from mapsto.data.read import read
from mapsto.data.table import Table
from mapsto.errors import DataError
from mapsto.recipe.families import TASKS
from mapsto.recipe.schema import DataOptions

ROWS = 40


def table_of(column: list, *, memory: str = "4GB", **others: list) -> Table:
    frame = pd.DataFrame({"x": pd.Series(column, dtype=object), **others, "y": ["a", "b"] * (len(column) // 2)})
    return read(frame, options=DataOptions(target="y", memory=memory))


def said(table: Table, column: str = "x") -> str:
    return " ".join(note.message for note in table.notes if note.column == column)


RANGE = list(range(1, ROWS + 1))
WRITTEN = {
    "decimal comma": ([f"{n},5" for n in RANGE], [n + 0.5 for n in RANGE]),
    "both marks": ([f"{n}.000,25" for n in RANGE], [1000 * n + 0.25 for n in RANGE]),
    "comma thousands": ([f"{n},234,567" for n in RANGE], [1e6 * n + 234567 for n in RANGE]),
    "point thousands": ([f"{n}.000.500" for n in RANGE[:20]] + [f"{n}" for n in RANGE[:20]], None),
    "lakhs": ([f"{n},34,567" for n in RANGE], [1e5 * n + 34567 for n in RANGE]),
    "thin blanks": ([f"{n}\u202f234" for n in RANGE], [1000.0 * n + 234 for n in RANGE]),
    "no-break blanks": ([f"{n}\u00a0234,5" for n in RANGE], [1000 * n + 234.5 for n in RANGE]),
    "apostrophes": ([f"{n}'234.5" for n in RANGE], [1000 * n + 234.5 for n in RANGE]),
    "dollars": ([f"${n},234.50" for n in RANGE], [1000 * n + 234.5 for n in RANGE]),
    "dollars in thousands": ([f"${n},234" for n in RANGE], [1000.0 * n + 234 for n in RANGE]),
    "euros behind": ([f"{n},50 €" for n in RANGE], [n + 0.5 for n in RANGE]),
    "codes": ([f"USD {n}" if n % 2 else f"{n} USD" for n in RANGE], [float(n) for n in RANGE]),
    "yuan": ([f"¥{n}" if n % 2 else f"{n}元" for n in RANGE], [float(n) for n in RANGE]),
    "percent": ([f"{n}.5 %" for n in RANGE], [n + 0.5 for n in RANGE]),
    "parentheses": ([f"({n})" if n % 2 else f"{n}" for n in RANGE], [float(-n if n % 2 else n) for n in RANGE]),
    "minus": ([f"\u2212{n}.5" for n in RANGE], [-n - 0.5 for n in RANGE]),
    "negative dollars": ([f"-${n}" if n % 2 else f"($ {n})" for n in RANGE], [float(-n) for n in RANGE]),
}
WRITTEN["point thousands"] = (
    WRITTEN["point thousands"][0],
    [1e6 * n + 500 for n in RANGE[:20]] + [float(n) for n in RANGE[:20]],
)


@pytest.mark.parametrize("name", WRITTEN)
def test_what_people_write_is_a_number(name):
    column, expected = WRITTEN[name]
    table = table_of(column)
    assert table.columns["x"].kind == "numeric"
    np.testing.assert_allclose(table.columns["x"].values, np.asarray(expected))
    assert f'"{column[0]}" is {expected[0]:.12g}' in said(table)


NAMES = {
    "versions": [f"1.2.{n}" for n in RANGE],
    "telephones": [f"+49 30 {123400 + n}" for n in RANGE],
    "telephones in groups": [f"555 123 {400 + n}" for n in RANGE],
    "postcodes": [f"0{n:04d}" for n in RANGE],
    "addresses": [f"192.168.1.{n}" for n in RANGE],
    "ranges": [f"{n}-{n + 2}" for n in RANGE],
    "ratios": [f"{n}/5" for n in RANGE],
    "times": [f"12:{n + 10}" for n in RANGE],
    "articles": [f"EUR{n}" for n in RANGE],
    "list marks": [f"({n})" for n in RANGE],
    "numbers of identity": [f"12.345.{600 + n}" for n in RANGE],
}


@pytest.mark.parametrize("name", NAMES)
def test_names_made_of_digits_stay_names(name):
    column = [text for text in NAMES[name] for _ in range(2)]
    table = table_of(column)
    assert table.columns["x"].kind in ("category", "ignore")
    assert table.columns["x"].values.tolist() == column


def test_dates_stay_dates():
    days = [f"{n % 28 + 1:02d}.03.2024" for n in RANGE]
    assert table_of(days).columns["x"].kind == "date"


def test_three_digits_behind_a_comma_are_what_the_evidence_says():
    unclear = [f"{n},234" for n in RANGE]
    alone = table_of(unclear)
    assert alone.columns["x"].values[0] == 1.234
    assert "the data do not tell" in said(alone)
    assert 'set `data.number_formats.x` to "1,234.5"' in said(alone)
    small = table_of([*unclear[:20], *map(str, RANGE[:20])])
    assert small.columns["x"].values[0] == 1234
    assert "no other number is above 999" in said(small)
    rounded = table_of([*unclear[:30], *[f"{n},000" for n in RANGE[:10]]])
    assert rounded.columns["x"].values[0] == 1234
    for other, expected in ((["1.5"] * ROWS, 1234), (["1,5"] * ROWS, 1.234)):
        beside = table_of(unclear, other=other)
        assert beside.columns["x"].values[0] == expected
        assert "as other columns show" in said(beside)


def test_points_that_plain_reading_takes_for_decimals_stay_so_without_evidence():
    plain = table_of([f"{n}.234" for n in RANGE])
    assert plain.columns["x"].values[0] == 1.234
    assert plain.columns["x"].number_format is None
    assert table_of([f"{n}.234" for n in RANGE], other=["1,5"] * ROWS).columns["x"].values[0] == 1234


def test_several_currencies_are_not_joined():
    table = table_of([f"${n}" if n % 2 else f"€{n}" for n in RANGE], other=["5%", "$5"] * (ROWS // 2))
    assert table.columns["x"].kind == "category" or table.columns["x"].kind == "ignore"
    warnings = [note for note in table.notes if note.level == "warning" and note.column in ("x", "other")]
    assert any("amounts of several currencies" in note.message for note in warnings)
    assert any("percents and amounts" in note.message for note in warnings)


def test_percents_beside_bare_numbers_are_warned_of():
    table = table_of([f"{n}%" if n % 4 else f"0.{n}" for n in RANGE])
    assert table.columns["x"].values[0] == 1
    assert "percents are not divided by 100" in said(table)
    assert "10 of its cells have no percent sign" in said(table)


def test_numbers_that_are_no_text_are_read_as_they_are():
    table = table_of([1.234, 5, Decimal("1.5"), *[f"{n}.500,5" for n in RANGE[:37]]])
    assert table.columns["x"].values[:4].tolist() == [1.234, 5, 1.5, 1500.5]


def test_a_few_words_among_numbers_are_missing_and_said():
    column = [f"{n},5" for n in range(100)]
    table = table_of([*column, "unknown", "none"])
    assert np.isnan(table.columns["x"].values[-2:]).all()
    assert '2 of its cells are none ("unknown", "none")' in said(table)
    few = table_of([*["1,5"] * 100, "unknown", "none"])
    assert few.columns["x"].kind == "category"


def test_a_stated_format_goes_before_what_the_column_tells():
    frame = pd.DataFrame({"x": [f"{n},234" for n in RANGE], "y": ["a", "b"] * (ROWS // 2)})
    stated = read(frame, options=DataOptions(target="y", number_formats={"x": "1,234.5"}))
    assert stated.columns["x"].values[0] == 1234
    with pytest.raises(DataError, match="shows how 1234.5 is written"):
        read(frame, options=DataOptions(target="y", number_formats={"x": "1.5"}))


@pytest.mark.parametrize("example", ["1,234.5", "1.234,5", "1.234,5 €", "$1,234.5", "1,234.5%", "1.234,5 kr"])
def test_an_example_of_a_format_gives_it_again(example):
    form = NumberFormat.of(example)
    assert NumberFormat.of(form.example) == form


def test_classes_keep_their_names():
    frame = pd.DataFrame({"x": RANGE, "y": ["5%", "10%"] * (ROWS // 2)})
    assert set(read(frame, options=DataOptions(target="y")).columns["y"].values) == {"5%", "10%"}


def test_periods_are_dates():
    months = pd.period_range("2020-01", periods=ROWS, freq="M")
    for column in (months, pd.Series(list(months), dtype=object)):
        frame = pd.DataFrame({"x": column, "y": ["a", "b"] * (ROWS // 2)})
        values = read(frame, options=DataOptions(target="y")).columns["x"].values
        assert values[1] == np.datetime64("2020-02-01")


def prepared(table: Table, folder: Path) -> Preprocessing:
    task = TASKS.get("tabular_classification")()
    made = prepare(table, task=task, recipe_data=DataOptions(target="y"), seed=0, folder=folder)
    return Preprocessing.from_json(made.preprocessing.to_json())


def write(folder: Path, rows: int, form: str = "{n},5;{n}.500;{n} €;{y}") -> Path:
    path = folder / f"{rows}.csv"
    lines = [form.format(n=n, y="ab"[n % 2]) for n in range(1, rows + 1)]
    path.write_text("\n".join(["price;people;cost;y", *lines]), encoding="utf-8")
    return path


def test_columns_of_one_file_are_judged_one_by_one(tmp_path):
    path = write(tmp_path, ROWS, "{n},5;{n}.25;{n}.500,75;{y}")
    columns = read(path, options=DataOptions(target="y")).columns
    assert [columns[name].values[0] for name in ("price", "people", "cost")] == [1.5, 1.25, 1500.75]


def test_a_decimal_comma_far_below_is_found(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x;y\n" + "".join(f"{n};a\n" for n in range(1, 60)) + "0,5;b\n1,25;b\n")
    assert read(path, options=DataOptions(target="y")).columns["x"].values[-2:].tolist() == [0.5, 1.25]


def test_points_part_thousands_where_other_columns_have_decimal_commas(tmp_path):
    columns = read(write(tmp_path, ROWS), options=DataOptions(target="y")).columns
    assert columns["people"].values[:2].tolist() == [1500, 2500]


def test_a_file_in_pieces_is_read_as_in_memory(tmp_path):
    path = write(tmp_path, 20_000)
    whole = read(path, options=DataOptions(target="y"))
    pieces = read(path, options=DataOptions(target="y", memory="1MB"))
    assert any("temporary file" in note.message for note in pieces.notes)
    for name in ("price", "people", "cost"):
        np.testing.assert_array_equal(np.asarray(pieces.columns[name].values), whole.columns[name].values)
        assert pieces.columns[name].number_format == whole.columns[name].number_format
        assert said(pieces, name) == said(whole, name)


def test_new_rows_are_read_as_those_of_training_were(tmp_path):
    table = read(write(tmp_path, ROWS), options=DataOptions(target="y"))
    options = prepared(table, tmp_path / "data").reading_options
    unclear = pd.DataFrame({"price": ["1,234", "2,5"], "people": ["1.234", "7"], "cost": ["3.000", "4 €"]})
    unclear.iloc[:1].to_csv(tmp_path / "new.csv", index=False)
    unclear.to_parquet(tmp_path / "new.parquet")
    for source in (unclear, unclear.iloc[:1], tmp_path / "new.csv", tmp_path / "new.parquet"):
        columns = read(source, options=options, target_needed=False).columns
        assert [columns[name].values[0] for name in ("price", "people", "cost")] == [1.234, 1234, 3000]
    other = read(pd.DataFrame({"price": ["$5"], "people": [5], "cost": ["$5"]}), options=options, target_needed=False)
    assert np.isnan(other.columns["cost"].values[0])
    assert "are read as missing" in said(other, "cost")


def test_plain_numbers_of_training_are_not_joined_with_amounts(tmp_path):
    frame = pd.DataFrame({"x": np.arange(ROWS) + 0.5, "y": ["a", "b"] * (ROWS // 2)})
    options = prepared(read(frame, options=DataOptions(target="y")), tmp_path).reading_options
    new = read(pd.DataFrame({"x": ["1,5", "2,25", "$3"]}), options=options, target_needed=False)
    assert np.isnan(new.columns["x"].values[2])
    clear = read(pd.DataFrame({"x": ["1,5", "2,25"]}), options=options, target_needed=False)
    assert clear.columns["x"].values.tolist() == [1.5, 2.25]


def test_a_model_answers_text_as_it_answers_the_numbers_behind(tmp_path):
    rng = np.random.default_rng(0)
    income, share = rng.integers(100, 99_999, 200), rng.integers(1, 100, 200)
    good = np.where(income + 500 * share > 70_000, "yes", "no")
    text = pd.DataFrame({"income": [f"${n:,}" for n in income], "share": [f"{n}%" for n in share], "good": good})
    result = mp.train(text, target="good", settings=["training.max_epochs=3"], out=tmp_path)
    answers = result.best.predict(text.drop(columns="good").iloc[:20])
    plain = result.best.predict(pd.DataFrame({"income": income[:20], "share": share[:20]}))
    pd.testing.assert_frame_equal(answers, plain)
    assert plain.filter(like="p(").nunique().max() > 5  # the columns matter
