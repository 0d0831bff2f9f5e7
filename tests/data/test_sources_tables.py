"""One table in files of every format, and what files and frames write differently."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mapsto.data.encoders._columns import places_of
from mapsto.data.prepare import prepare
from mapsto.data.read import read
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions, Recipe

FRAME = pd.DataFrame(
    {
        "size": np.arange(40) + 0.5,
        "code": ["01", "02"] * 20,
        "town": ["A", "B", None, "C ü"] * 10,
        "since": pd.date_range("2020-01-01", periods=40, freq="D"),
        "y": ["a", "b"] * 20,
    }
)
CODE = {"code": "category"}


def write_json(path: Path) -> None:
    path.write_text(
        json.dumps(FRAME.assign(since=FRAME["since"].astype(str)).replace({np.nan: None}).to_dict("records"))
    )


def write_lines(path: Path) -> None:
    records = FRAME.assign(since=FRAME["since"].astype(str)).replace({np.nan: None}).to_dict("records")
    text = "\n".join(map(json.dumps, records)).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)


def write_stream(path: Path) -> None:
    table = pa.Table.from_pandas(FRAME)
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table)


WRITERS: dict[str, Any] = {
    "a.csv": lambda path: FRAME.to_csv(path, index=False),
    "a.tsv": lambda path: FRAME.to_csv(path, index=False, sep="\t"),
    "a.tab.gz": lambda path: FRAME.to_csv(path, index=False, sep="\t"),
    "a.xlsx": lambda path: FRAME.to_excel(path, index=False),
    "a.parquet": FRAME.to_parquet,
    "a.feather": FRAME.to_feather,
    "a.arrow": write_stream,
    "a.jsonl": write_lines,
    "a.ndjson.gz": write_lines,
    "a.json": write_json,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_table(name, tmp_path):
    WRITERS[name](tmp_path / name)
    options = DataOptions(columns=CODE)
    table, expected = read(tmp_path / name, options=options), read(FRAME, options=options)
    assert (table.name, table.target, table.row_names[0]) == (name, "y", 2 if name == "a.xlsx" else 1)
    for key, column in expected.columns.items():
        assert table.columns[key].kind == column.kind, key
        np.testing.assert_array_equal(table.columns[key].values, column.values)


@pytest.mark.parametrize("name", WRITERS)
def test_a_text_column_stays_text_in_a_file_to_predict(name, tmp_path):
    WRITERS[name](tmp_path / name)
    table = read(tmp_path / name, options=DataOptions(columns=CODE), target_needed=False)
    assert table.columns["code"].values[:2].tolist() == ["01", "02"]


def test_a_tsv_file_is_separated_by_tabs_whatever_is_more_regular(tmp_path):
    (tmp_path / "a.tsv").write_text("size, x\ty\n" + "1, 2, 3\ta\n4\tb\n" * 5)
    assert list(read(tmp_path / "a.tsv", options=DataOptions()).columns) == ["size, x", "y"]


def test_labels_that_mean_the_same_are_the_same_level():
    def found(levels, *labels):
        return places_of(np.array(labels, dtype=object), levels).tolist()

    assert found(["1", "2"], "1.0", "02", "3", None) == [0, 1, -1, -1]
    assert found(["01", "02"], "1", "2.0") == [0, 1]
    assert found(["1", "01"], "1", "01", "001") == [0, 1, -1]
    assert found(["False", "True"], "1", "0", "TRUE", "2") == [1, 0, 1, -1]
    assert found(["0", "1"], "True", "false") == [1, 0]
    assert found(["a", "true"], "True", "1") == [1, -1]


def test_a_feature_called_target_is_kept():
    x = np.random.default_rng(0).random((40, 2))
    table = read({"data": x, "target": [0, 1] * 20, "feature_names": ["target", "b"]}, options=DataOptions())
    np.testing.assert_array_equal(table.columns["target"].values, x[:, 0])
    assert (table.target, table.columns["y"].values[:2].tolist()) == ("y", ["0", "1"])
    frame = pd.DataFrame(x, columns=["target", "b"])
    assert read((frame, [0, 1] * 20), options=DataOptions()).target == "y"


def test_a_split_column_of_other_words_matters_to_training_alone():
    frame = FRAME.assign(fold=["first", "second"] * 20)
    options = DataOptions(target="y", split_column="fold")
    with pytest.raises(DataError, match='holds "first", "second", but a part is called'):
        read(frame, options=options)
    assert read(frame, options=options, target_needed=False).given_parts is None


def test_numbers_that_excel_holds_as_text_are_numbers(tmp_path):
    frame = pd.DataFrame({"size": [f"{row}.5" if row % 2 else row for row in range(40)], "y": ["a", "b"] * 20})
    frame.to_excel(tmp_path / "a.xlsx", index=False)
    table = read(tmp_path / "a.xlsx", options=DataOptions())
    assert table.columns["size"].values[:3].tolist() == [0.0, 1.5, 2.0]


def test_a_workbook_of_several_sheets_asks_for_one(tmp_path):
    with pd.ExcelWriter(tmp_path / "a.xlsx") as book:
        pd.DataFrame().to_excel(book, sheet_name="empty")
        FRAME.to_excel(book, sheet_name="rows", index=False)
        FRAME.iloc[:9].to_excel(book, sheet_name="some", index=False)
    with pytest.raises(DataError, match="has 2 sheets with data: rows, some. Name one with `--set data.sheet=rows`"):
        read(tmp_path / "a.xlsx", options=DataOptions())
    assert len(read(tmp_path / "a.xlsx", options=DataOptions(sheet="some"))) == 9
    with pytest.raises(DataError, match='has no sheet "row" .* Did you mean "rows"'):
        read(tmp_path / "a.xlsx", options=DataOptions(sheet="row"))


def test_objects_in_objects_are_columns(tmp_path):
    lines = [{"place": {"town": "AB"[row % 2]}, "size": row, "y": row % 2} for row in range(40)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    table = read(tmp_path / "a.jsonl", options=DataOptions())
    assert table.columns["place.town"].values[:2].tolist() == ["A", "B"]


BAD = {
    "a.jsonl": ('{"a": 1}\n{"a": \n', "Line 2 of .*a.jsonl is no JSON"),
    "b.jsonl": ('{"a": 1}\n[1]\n', r"Line 2 of .*b.jsonl is no JSON object .* Received: \[1\]"),
    "a.json": ('{"a": [1, 2], "b": [1]}', "lists, its columns, have different lengths"),
    "b.json": ("[" * 100_000, "too deep|no JSON"),
    "c.json": ("[1, 2]", "must hold a list of objects"),
    "a.xlsx": ("junk", "cannot be read as an Excel workbook .* fetch it again"),
    "a.xls": ("junk", "Save it in Excel as .xlsx"),
    "a.feather": ("junk junk", "cannot be read as Feather"),
    "b.feather": ("", "is empty"),
}


@pytest.mark.parametrize("name", BAD)
def test_damaged_files_are_refused_with_their_place(name, tmp_path):
    text, message = BAD[name]
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read(tmp_path / name, options=DataOptions())


def test_a_duplicate_name_in_excel_is_refused(tmp_path):
    FRAME.set_axis(["size", "code", "size", "since", "y"], axis=1).to_excel(tmp_path / "a.xlsx", index=False)
    with pytest.raises(DataError, match="more than one column called size"):
        read(tmp_path / "a.xlsx", options=DataOptions())


def test_rows_written_in_another_way_are_encoded_alike(tmp_path):
    rows = 200
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "code": [f"{code:02d}" if code else "none" for code in rng.integers(0, 4, rows)],
            "member": rng.choice([True, False], rows),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 999, rows), unit="D"),
            "level": rng.choice([1.0, 2.0, np.nan], rows),
            "y": rng.choice([0, 1], rows),
        }
    )
    leaves = {"task.name": "tabular_classification", "data.target": "y", "data.columns": {"level": "category"}}
    recipe = Recipe.from_leaves(leaves)
    table = read(frame, options=recipe.data)
    fitted = prepare(table, task=recipe.task, recipe_data=recipe.data, seed=0, folder=tmp_path).preprocessing
    some = frame[frame["code"] != "none"]
    expected = fitted.encode(read(some, options=fitted.reading_options, target_needed=False))["inputs"]
    for name, other in (
        ("plain.csv", some),
        ("numbers.csv", some.assign(member=some["member"].astype(int), y=some["y"].astype(float))),
        ("as_numbers.xlsx", some.assign(code=some["code"].astype(int))),
        ("plain.xlsx", some),
        ("plain.parquet", some),
    ):
        path = tmp_path / name
        writers: dict[str, Any] = {".csv": other.to_csv, ".xlsx": other.to_excel, ".parquet": other.to_parquet}
        writers[path.suffix](path, index=False)
        table = read(path, options=fitted.reading_options, target_needed=False)
        np.testing.assert_array_equal(fitted.encode(table)["inputs"], expected, name)
        np.testing.assert_array_equal(fitted.encode(table, ["targets"])["targets"], some["y"].to_numpy(), name)
