"""The door of the room: what is found, what is refused, and in which words."""

from __future__ import annotations

import gzip
import os
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mapsto.data.read import datasets, read
from mapsto.data.sources.base import Source
from mapsto.errors import DataError
from mapsto.recipe.families import SOURCES
from mapsto.recipe.schema import DataOptions

GOOD = "age,town,bought\n" + "".join(f"{20 + row},{'ABC'[row % 3]},{'no yes'.split()[row % 2]}\n" for row in range(40))
BOUGHT = DataOptions(target="bought")


def image(path: Path, value: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 4), (value, 0, 0)).save(path)
    return path


def file(name, content):
    """A maker of one file: what to write, and the path to read."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


def truncated(name, write):
    def make(folder: Path) -> Path:
        path = folder / name
        write(path)
        path.write_bytes(path.read_bytes()[:-200])
        return path

    return make


def folder_of(*names):
    def make(folder: Path) -> Path:
        for name in names:
            image(folder / name)
        return folder

    return make


FRAME = pd.DataFrame({"age": range(40), "bought": ["no", "yes"] * 20})
BAD = {
    "no file": (lambda folder: folder / "nothing.csv", "There is no file, folder or named set called"),
    "no folder": (lambda folder: folder / "a" / "b.csv", "a is not there either"),
    "address": (lambda folder: "https://example.org/a.csv", "downloads nothing"),
    "zero byte": (lambda folder: "a\0.csv", "There is no file"),
    "empty": (file("a.csv", ""), "a.csv is empty"),
    "only a mark": (file("a.csv", b"\xef\xbb\xbf\n"), "a.csv is empty"),
    "header only": (file("a.csv", "age,bought\n"), r"a.csv has a header \(age, bought\) but no rows"),
    "one row": (file("a.csv", "age,bought\n1,no\n"), "has 1 row; at least 3 are needed"),
    "no such target": (file("a.csv", GOOD.replace("bought", "Bought")), 'Did you mean "Bought"'),
    "duplicate names": (file("a.csv", GOOD.replace("town", "age")), 'more than one column called "age"'),
    "ragged": (file("a.csv", GOOD + "1,2,3,4\n"), "Line 42 of .*a.csv has 4 fields, but 3 are expected"),
    "all rows too long": (file("a.csv", "age,bought\n" + "1,no,2,3\n" * 5), "more fields than the 2 names"),
    "open quote": (file("a.csv", GOOD + '"1,A,no\n'), "opens a quote that is never closed"),
    "binary": (file("a.csv", bytes(range(256)) * 9), "it holds bytes that no text has"),
    "image as csv": (file("a.csv", b"\x89PNG\r\n\x1a\n"), "is not text but a PNG image"),
    "folder as csv": (lambda folder: (folder / "a.csv").mkdir() or folder / "a.csv", "is a folder, not a text file"),
    "cut gzip": (file("a.csv.gz", gzip.compress(GOOD.encode())[:-12]), "probably not whole"),
    "no zip": (file("a.zip", b"PK\3\4"), "cannot be read as a .zip archive"),
    "unknown suffix": (file("a.xyz", "1"), r"Received: .xyz. mapsto reads .*CSV .* Parquet \(.parquet, .pq\)"),
    "no suffix": (file("a", "1"), "Received: no suffix"),
    "cut Parquet": (truncated("a.parquet", FRAME.to_parquet), "cannot be read as Parquet .* not whole"),
    "no Parquet": (file("a.parquet", "junk"), "cannot be read as Parquet"),
    "cut npz": (truncated("a.npz", lambda path: np.savez(path, x=np.ones((9, 2)), y=np.ones(9))), "probably not whole"),
    "folder without images": (lambda folder: folder, "holds no images"),
    "folder with one class": (folder_of("cat/1.png", "cat/2.png"), r'one class only \("cat", 2 images\)'),
    "images side by side": (folder_of("1.png", "2.png"), "no folder for each class"),
    "image without a mask": (folder_of("images/1.png", "masks/2.png"), "no image with a mask: images/1.png has no"),
    "target without values": (
        file("a.csv", "age,bought\n" + "1,\n2,\n3,\n4,\n"),
        'target "bought" of a.csv has no value in any of its 4 rows',
    ),
    "nothing but the target": (file("a.csv", "bought\n" + "no\nyes\n" * 9), "no column to predict"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_in_one_clear_paragraph(case, tmp_path):
    make, message = BAD[case]
    with pytest.raises(DataError, match=message) as caught:
        read(make(tmp_path), options=BOUGHT)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1500


def test_nearest_file_is_named(tmp_path):
    file("churn.csv", GOOD)(tmp_path)
    with pytest.raises(DataError, match="Did you mean .*/churn.csv"):
        read(tmp_path / "chrun.csv", options=BOUGHT)


def test_nearest_set_is_named():
    with pytest.raises(DataError, match='Did you mean "digits"'):
        read("digitz", options=DataOptions())


def test_a_table_passes_through():
    table = read("digits", options=DataOptions())
    assert read(table, options=DataOptions()) is table


@pytest.mark.parametrize("name", SOURCES.names())
def test_every_source_says_what_it_reads_and_answers_for_anything(name, tmp_path):
    member = SOURCES.get(name)()
    assert isinstance(member, Source)
    assert member.reads
    answers = [member.accepts(source) for source in (tmp_path, tmp_path / "a.csv", "digits", {"x": [1]}, None)]
    assert all(isinstance(answer, bool) for answer in answers)


def test_to_predict_one_row_without_target_is_enough(tmp_path):
    table = read(file("a.csv", "age,town\n31,A\n")(tmp_path), options=BOUGHT, target_needed=False)
    assert (len(table), table.target) == (1, None)
    assert [column.kind for column in table.columns.values()] == ["numeric", "category"]


def test_to_predict_a_target_that_is_there_is_read(tmp_path):
    table = read(file("a.csv", GOOD)(tmp_path), options=BOUGHT, target_needed=False)
    assert table.target == "bought"


def test_to_predict_columns_are_read_as_stated():
    kinds = {"age": "numeric", "code": "category", "note": "text", "gone": "numeric"}
    frame = pd.DataFrame({"age": ["31", "?"], "code": [1.0, 2.0], "note": ["a", "b"]})
    table = read(frame, options=DataOptions(columns=kinds), target_needed=False)
    assert {name: column.kind for name, column in table.columns.items()} == {
        "age": "numeric",
        "code": "category",
        "note": "text",
    }
    assert table.columns["code"].values.tolist() == ["1", "2"]
    np.testing.assert_array_equal(table.columns["age"].values, [31.0, np.nan])


def test_fingerprint_follows_content_not_name(tmp_path):
    first = read(file("a.csv", GOOD)(tmp_path), options=BOUGHT)
    same = read(file("b.csv", GOOD)(tmp_path), options=BOUGHT)
    other = read(file("c.csv", GOOD.replace("20,A", "21,A"))(tmp_path), options=BOUGHT)
    assert first.fingerprint == same.fingerprint != other.fingerprint


def test_fingerprint_of_memory_follows_values():
    x, y = np.arange(80.0).reshape(40, 2), np.arange(40) % 2
    first, same = read((x, y), options=DataOptions()), read((x.copy(), y.tolist()), options=DataOptions())
    x[3, 1] += 1
    assert first.fingerprint == same.fingerprint != read((x, y), options=DataOptions()).fingerprint


def test_fingerprint_of_a_folder_follows_its_files(tmp_path):
    folder = folder_of("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png")(tmp_path)
    before = read(folder, options=DataOptions()).fingerprint
    assert read(folder, options=DataOptions()).fingerprint == before
    image(folder / "dog/2.png", value=7)
    assert read(folder, options=DataOptions()).fingerprint != before


def test_large_files_are_known_by_size_and_time(tmp_path, monkeypatch):
    monkeypatch.setattr("mapsto.data.fingerprint.CONTENT_BYTES", 100)
    path = file("a.csv", GOOD)(tmp_path)
    before = read(path, options=BOUGHT).fingerprint
    os.utime(path, ns=(1, 1))
    assert read(path, options=BOUGHT).fingerprint != before


def test_ten_thousand_columns_take_seconds(tmp_path):
    values = np.random.default_rng(0).integers(0, 99, (100, 10_000))
    names = [f"column_{place}" for place in range(10_000)]
    pd.DataFrame(values, columns=pd.Index(names)).assign(bought=["no", "yes"] * 50).to_csv(tmp_path / "a.csv")
    start = time.process_time()
    table = read(tmp_path / "a.csv", options=BOUGHT)
    assert time.process_time() - start < 20
    assert len(table.columns) == 10_002


def test_datasets_say_where_they_were_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("MAPSTO_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    found = {entry.name: entry for entry in datasets()}
    assert (found["digits"].is_present, found["mnist"].is_present) == (True, False)
    assert str(tmp_path / "mnist/mnist.npz") in found["mnist"].looked


def test_archive_of_a_table_is_read_as_a_table(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("data/people.csv", GOOD)
        archive.writestr("__MACOSX/._people.csv", "junk")
    assert len(read(tmp_path / "a.zip", options=BOUGHT)) == 40
