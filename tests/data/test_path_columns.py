"""Tables whose columns name files of images or recordings."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mapsto.data.read import read
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

OPTIONS = DataOptions(target="label")


def images(folder: Path, count: int = 12) -> list[str]:
    (folder / "img").mkdir(parents=True, exist_ok=True)
    for row in range(count):
        Image.new("RGB", (5, 4), (row, 2 * row, 3 * row)).save(folder / "img" / f"{row}.png")
    return [f"img/{row}.png" for row in range(count)]


def recordings(folder: Path, count: int = 12) -> list[str]:
    for row in range(count):
        with wave.open(str(folder / f"{row}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(np.full(100 + row, row + 1, "<i2").tobytes() + b"\0\0")
    return [f"{row}.wav" for row in range(count)]


def frame_of(paths, column: str = "file") -> pd.DataFrame:
    return pd.DataFrame({column: paths, "age": np.arange(len(paths)) * 1.5, "label": ["a", "b"] * (len(paths) // 2)})


WRITERS = {
    "t.csv": lambda frame, path: frame.to_csv(path, index=False),
    "t.parquet": lambda frame, path: frame.to_parquet(path),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(("make", "kind"), [(images, "image"), (recordings, "audio")])
def test_a_column_of_paths_is_recognized(make, kind, name, tmp_path):
    WRITERS[name](frame_of(make(tmp_path)), tmp_path / name)
    column = read(tmp_path / name, options=OPTIONS).columns["file"]
    assert (column.kind, column.inferred, column.values[3].name.endswith(("img/3.png", "3.wav"))) == (kind, True, True)
    decoded = column.values[3].decode()
    assert decoded.shape == (4, 5, 3) if kind == "image" else len(decoded[0]) == 104


def test_changing_a_file_changes_the_fingerprint(tmp_path):
    WRITERS["t.csv"](frame_of(images(tmp_path)), tmp_path / "t.csv")
    before = read(tmp_path / "t.csv", options=OPTIONS).fingerprint
    Image.new("RGB", (50, 40)).save(tmp_path / "img" / "3.png")
    assert read(tmp_path / "t.csv", options=OPTIONS).fingerprint != before


def test_names_of_files_that_are_not_there_are_words(tmp_path):
    WRITERS["t.csv"](frame_of([f"{row}.png" for row in range(12)]), tmp_path / "t.csv")
    assert read(tmp_path / "t.csv", options=OPTIONS).columns["file"].kind == "ignore"


def test_data_columns_overrules(tmp_path):
    WRITERS["t.csv"](frame_of(images(tmp_path)), tmp_path / "t.csv")
    options = DataOptions(target="label", columns={"file": "category"})
    assert read(tmp_path / "t.csv", options=options).columns["file"].kind == "category"


def test_whole_numbers_are_classes_beside_images(tmp_path):
    frame = frame_of(images(tmp_path, 60)).assign(label=np.arange(60) % 30)
    WRITERS["t.csv"](frame, tmp_path / "t.csv")
    assert read(tmp_path / "t.csv", options=OPTIONS).columns["label"].kind == "category"


@pytest.mark.parametrize("path", ["../secret.png", "img/../../secret.png", "..\\secret.png"])
def test_no_path_leads_out_of_the_folder(path, tmp_path):
    Image.new("RGB", (5, 4)).save(tmp_path / "secret.png")
    folder = tmp_path / "set"
    WRITERS["t.csv"](frame_of([path, *images(folder, 11)]), folder / "t.csv")
    table = read(folder / "t.csv", options=OPTIONS)
    assert table.columns["file"].values[0] is None
    assert any("leads out of" in note.message for note in table.notes)


def test_an_absolute_path_is_the_users_own(tmp_path):
    paths = [str(tmp_path / path) for path in images(tmp_path)]
    (tmp_path / "set").mkdir()
    WRITERS["t.csv"](frame_of(paths), tmp_path / "set" / "t.csv")
    assert read(tmp_path / "set" / "t.csv", options=OPTIONS).columns["file"].values[0].decode().shape == (4, 5, 3)


def test_missing_and_damaged_files_are_told_with_the_column(tmp_path):
    paths = images(tmp_path, 24)
    (tmp_path / "img" / "5.png").write_bytes(b"no image")
    WRITERS["t.csv"](frame_of([None, *paths[1:]]), tmp_path / "t.csv")
    table = read(tmp_path / "t.csv", options=OPTIONS)
    assert [table.columns["file"].values[row] is None for row in (0, 4, 5)] == [True, False, True]
    (note,) = [note for note in table.notes if note.level == "warning"]
    assert note.column == "file"
    assert "img/5.png is not an image" in note.message
    for path in paths[6:20]:
        (tmp_path / path).unlink()
    with pytest.raises(DataError, match="15 of 23 images in column .file. cannot be read"):
        read(tmp_path / "t.csv", options=OPTIONS)


def test_a_model_on_a_table_of_images(tmp_path):
    import mapsto as mp

    paths = images(tmp_path, 40)
    for row, path in enumerate(paths):
        Image.new("L", (8, 8), 30 + 150 * (row % 2) + row).save(tmp_path / path)
    WRITERS["t.csv"](frame_of(paths), tmp_path / "t.csv")
    settings = ["training.max_epochs=6", "model.num_blocks=1", "model.channels=4"]
    result = mp.train(tmp_path / "t.csv", target="label", settings=settings, out=tmp_path / "run")
    assert json.loads((tmp_path / "run" / "results.json").read_text())["task"]["name"] == "image_classification"
    assert result.best.predict(tmp_path / "t.csv")["answer"].isin(["a", "b"]).all()
