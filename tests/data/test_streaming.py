"""Tables that are larger than `data.memory` are the tables that they are in memory, and train the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mapsto.data.audit._clean import cleaned
from mapsto.data.mapped import PIECE_ROWS
from mapsto.data.prepare import prepare
from mapsto.data.read import read
from mapsto.data.stored import Words
from mapsto.errors import RecipeError
from mapsto.recipe.schema import DataOptions, Recipe
from mapsto.recipe.sizes import parse_size
from mapsto.training.batches import Tensors

ROWS = 20_000
RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "size": RNG.normal(size=ROWS).round(3),
        "code": [f"{code:03d}" for code in RNG.integers(0, 30, ROWS)],
        "late": [*(["01", "02"] * (ROWS // 2 - 1)), "01", "0A"],  # text that only the last piece shows to be text
        "town": RNG.choice(np.array(["Ulm", "Kyōto", None], dtype=object), ROWS),
        "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(RNG.integers(0, 999, ROWS), unit="D"),
        "member": RNG.choice([True, False], ROWS),
        "y": RNG.choice(["no", "yes"], ROWS),
    }
)
FRAME.loc[::7, "size"] = np.nan


@pytest.fixture(params=["a.csv", "b.csv", "c.csv.gz", "a.parquet", "a.feather"])
def path(request, tmp_path):
    path = tmp_path / request.param
    if path.suffix == ".parquet":
        FRAME.to_parquet(path, row_group_size=3000)
    elif path.suffix == ".feather":
        FRAME.to_feather(path, compression="uncompressed")
    else:
        FRAME.to_csv(path, index=False, encoding="utf-16" if path.name[0] == "b" else "utf-8")
    return path


def test_a_table_in_a_file_is_the_table_in_memory(path):
    stored: Any
    whole, stored = (read(path, options=DataOptions(target="y", memory=memory)) for memory in ("4GB", "1MB"))
    assert isinstance(stored.columns["late"].values, Words)
    assert isinstance(stored.columns["size"].values, np.memmap)
    assert stored.fingerprint == whole.fingerprint
    for name, column in whole.columns.items():
        assert stored.columns[name].kind == column.kind, name
        values = np.asarray(stored.columns[name].values)
        np.testing.assert_array_equal(values[~pd.isna(values)], column.values[~pd.isna(column.values)], name)
    rows = np.array([ROWS - 1, 5, 6, 17_000])
    assert stored.take(rows).columns["late"].values.tolist() == ["0A", "02", "01", "01"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson.gz"])
def test_json_lines_are_read_piece_by_piece(name, tmp_path):
    lines = FRAME.assign(since=FRAME["since"].astype(str), place=pd.Series([{"x": row} for row in range(ROWS)]))
    lines.to_json(tmp_path / name, orient="records", lines=True)
    whole, stored = (read(tmp_path / name, options=DataOptions(target="y", memory=m)) for m in ("4GB", "1MB"))
    assert isinstance(stored.columns["place.x"].values, np.memmap)
    for key, column in whole.columns.items():
        values: Any = np.asarray(stored.columns[key].values)
        assert stored.columns[key].kind == column.kind, key
        np.testing.assert_array_equal(values[~pd.isna(values)], column.values[~pd.isna(column.values)], key)
    assert stored.row_names[-1] == ROWS


def test_what_is_prepared_is_the_same_but_for_what_a_sample_tells(path, tmp_path):
    prepared = []
    for memory in ("4GB", "1MB"):
        recipe = Recipe.from_leaves({"task.name": "tabular_classification", "data.target": "y", "data.memory": memory})
        recipe = recipe.replace({"data.scale": "none", "data.clean": "none", "data.missing": "constant"})
        table = read(path, options=recipe.data)
        prepared.append(prepare(table, task=recipe.task, recipe_data=recipe.data, seed=0, folder=tmp_path / memory))
    whole, stored = prepared
    np.testing.assert_array_equal(stored.parts["test"], whole.parts["test"])
    np.testing.assert_array_equal(stored.arrays["targets"], whole.arrays["targets"])
    names = stored.specs["inputs"].names
    places = [whole.specs["inputs"].names.index(name) for name in names]
    np.testing.assert_array_equal(stored.arrays["inputs"], whole.arrays["inputs"][:, places])
    assert any("training rows (`data.memory`)" in note.message for note in stored.notes)
    assert stored.example(3) == whole.example(3)
    facts = {column["name"]: column for column in stored.facts.columns}
    expected = {column["name"]: column for column in whole.facts.columns}
    assert all(facts[name]["missing"] == expected[name]["missing"] for name in facts)
    assert facts["code"] == expected["code"]


def test_rows_without_a_target_are_left_out_of_a_table_in_a_file(tmp_path):
    frame = FRAME.assign(y=FRAME["y"].where(RNG.random(ROWS) < 0.9))
    frame.to_parquet(tmp_path / "a.parquet")
    recipe = Recipe.from_leaves({"task.name": "tabular_classification", "data.target": "y", "data.memory": "1MB"})
    table = read(tmp_path / "a.parquet", options=recipe.data)
    prepared = prepare(table, task=recipe.task, recipe_data=recipe.data, seed=0, folder=tmp_path)
    assert prepared.facts.num_rows == frame["y"].notna().sum()


def test_a_column_of_parts_is_read_whole(tmp_path):
    frame = FRAME.assign(split=np.repeat(["train", "dev", "test"], [ROWS - 5000, 4000, 1000]))
    frame.to_csv(tmp_path / "a.csv", index=False)
    table = read(tmp_path / "a.csv", options=DataOptions(target="y", memory="1MB"))
    assert table.given_parts is not None
    assert (table.given_parts == "validation").sum() == 4000
    assert any("validation 4,000, test 1,000" in note.message for note in table.notes)


def test_arrays_larger_than_memory_are_read_batch_by_batch(tmp_path):
    recipe = Recipe.from_leaves({"task.name": "tabular_classification", "data.target": "y", "data.memory": "1MB"})
    table = read(FRAME, options=recipe.data)
    prepared = prepare(table, task=recipe.task, recipe_data=recipe.data, seed=0, folder=tmp_path)
    small = Tensors(prepared, "cpu")
    options = prepared.preprocessing.options.model_copy(update={"memory": "1GB"})
    large = Tensors(replace(prepared, preprocessing=replace(prepared.preprocessing, options=options)), "cpu")
    assert (small._tensors is None, large._tensors is None) == (True, False)


@pytest.mark.parametrize("text", ["2", "0.1MB", "2GX", "-1GB"])
def test_amounts_of_memory_have_units(text):
    with pytest.raises(RecipeError, match="An amount of memory is a number with its unit"):
        parse_size(text)


def test_levels_outside_of_the_sample_are_known(tmp_path):
    frame = FRAME.assign(town=np.where(np.arange(ROWS) == 11, "Oslo", FRAME["town"]))
    frame["split"] = np.where(np.arange(ROWS) % 5 == 0, "test", np.where(np.arange(ROWS) % 5 == 2, "dev", "train"))
    frame.to_parquet(tmp_path / "a.parquet")
    recipe = Recipe.from_leaves({"task.name": "tabular_classification", "data.target": "y", "data.memory": "1MB"})
    table = read(tmp_path / "a.parquet", options=recipe.data)
    prepared = prepare(table, task=recipe.task, recipe_data=recipe.data, seed=0, folder=tmp_path)
    assert any("training rows (`data.memory`)" in note.message for note in prepared.notes)
    new = read(frame.assign(town=["Oslo", "Bonn"] * (ROWS // 2)), options=recipe.data)
    assert [note.message for note in prepared.preprocessing.unseen(new)] == [
        '"town" has levels that training did not have (Bonn); what they mean is unknown.'
    ]


def many_rows():
    """Of what cleaning looks for, something in both of two pieces."""
    rows = PIECE_ROWS + 1000
    places = np.arange(rows)
    frame = pd.DataFrame(
        {
            "weight": RNG.normal(size=rows),
            "height": RNG.normal(size=rows),
            "town": np.select(
                [places % 9 == 4, places % 9 == 5, places == 66_000], ["Kyōto", "Kyo\u0304to", "Ｕｌｍ"], "Ulm"
            ),
            "state": np.where(places % 2, "New York", "New  York"),
            "same": "a",
            "nearly": np.where(places == rows - 1, "b", "a"),
            "zero": 0.0,
            "empty": np.nan,
            "customer": [f"c{place * 7919 % rows:05d}" for place in places],
            "customer_id": places[::-1] * 3.0,
            "visitor": [f"c{place * 7919 % (rows - 9):05d}" for place in places],
            "y": np.where(places % 50 == 7, "y  es", RNG.choice(["no", "y es"], rows)),
        }
    )
    repeated = ["weight", "height", "town", "y"]
    frame.loc[rows - 400 : rows - 2, repeated] = frame.loc[:398, repeated].to_numpy()
    return frame


def test_a_table_in_a_file_is_cleaned_as_in_memory(tmp_path):
    many_rows().to_parquet(tmp_path / "a.parquet")
    whole: Any
    stored: Any
    (whole, same), (stored, also) = (
        cleaned(read(tmp_path / "a.parquet", options=DataOptions(target="y", memory=memory), target_needed=False))
        for memory in ("4GB", "1MB")
    )
    assert isinstance(stored.columns["town"].values, Words)
    assert [note for note in stored.notes if "data.clean" in note.message] == list(whole.notes)
    assert (set(also), also) == ({"town", "state", "y"}, same)
    put_aside = {name for name, column in stored.columns.items() if column.kind == "ignore"}
    assert put_aside == {"state", "same", "zero", "empty", "customer", "customer_id"}
    for name in ("town", "y"):
        assert np.asarray(stored.columns[name].values).tolist() == whole.columns[name].values.tolist()
        assert stored.columns[name].values[66_000] == whole.columns[name].values[66_000]
    assert stored.columns["town"].values[66_000] == "Ulm"


def test_repeated_rows_of_a_table_in_a_file_are_left_out_as_in_memory(tmp_path):
    many_rows()[["weight", "height", "town", "customer_id", "y"]].to_parquet(tmp_path / "a.parquet")
    found = []
    for memory in ("4GB", "1MB"):
        recipe = Recipe.from_leaves({"task.name": "tabular_classification", "data.target": "y", "data.memory": memory})
        table = read(tmp_path / "a.parquet", options=recipe.data)
        found.append(prepare(table, task=recipe.task, recipe_data=recipe.data, seed=0, folder=tmp_path / memory))
    whole, stored = found
    notes = [[note.message for note in one.notes if "data.clean" in note.message] for one in found]
    assert notes[0] == notes[1]
    assert any("left out of training (`data.clean`)" in message for message in notes[1])
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(stored.parts[part], whole.parts[part])
    assert PIECE_ROWS + 900 > sum(map(len, stored.parts.values())) > PIECE_ROWS + 700
    np.testing.assert_array_equal(stored.arrays["targets"], whole.arrays["targets"])
    assert stored.specs["targets"].names == ("no", "y es")


def test_new_rows_in_a_file_are_read_in_the_plain_form(tmp_path):
    frame = many_rows()[["weight", "town", "y"]]
    frame.to_parquet(tmp_path / "a.parquet")
    recipe = Recipe.from_leaves({"task.name": "tabular_classification", "data.target": "y"})
    table = read(tmp_path / "a.parquet", options=recipe.data)
    prepared = prepare(table, task=recipe.task, recipe_data=recipe.data, seed=0, folder=tmp_path)
    options = DataOptions(target="y", memory="1MB")
    new = read(tmp_path / "a.parquet", options=options, target_needed=False)
    values: Any = new.columns["town"].values
    assert isinstance(values, Words)
    assert prepared.preprocessing.unseen(new) == []
    for rows in (np.arange(65_900, 66_100), np.array([4, 5, 66_000])):
        encoded = prepared.preprocessing.encode(new.take(rows))["inputs"]
        np.testing.assert_array_equal(encoded, prepared.arrays["inputs"][rows])
