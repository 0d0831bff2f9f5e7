from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mapsto.data import prepare as preparing
from mapsto.data.prepare import Facts, load_prepared, prepare
from mapsto.data.read import read
from mapsto.data.table import PARTS, Column
from mapsto.errors import DataError, RunError
from mapsto.recipe.families import TASKS
from mapsto.recipe.schema import DataOptions
from mapsto.testing.tables import make_table


def prepared(table, folder, task="tabular_classification", seed=0, **options):
    return prepare(table, task=TASKS.get(task)(), recipe_data=DataOptions(**options), seed=seed, folder=folder)


def messages(data, level="warning"):
    return [note.message for note in data.notes if note.level == level]


def people(rows=60, **changed):
    rng = np.random.default_rng(0)
    age = rng.integers(18, 80, rows).astype(float)
    values = {
        "age": age,
        "sex": ["mf"[row % 2] for row in range(rows)],
        "income": age * 1000 + rng.normal(size=rows),
        "paid": ["yes" if value > 45 else "no" for value in age],
    }
    return make_table({**values, **changed}, target="paid", name="people.csv")


@dataclass
class Photo:
    """An image that counts how often it is decoded, and may be damaged."""

    pixels: NDArray[np.uint8]
    name: str
    damaged: bool = False
    decoded: int = 0

    @property
    def size(self):
        return self.pixels.shape[:2]

    def decode(self, size=None):
        self.decoded += 1
        if self.damaged:
            raise DataError(f"{self.name} is damaged (truncated).")
        return self.pixels


def album(rows=30, damaged=()):
    rng = np.random.default_rng(0)
    photos = np.empty(rows, dtype=object)
    for row in range(rows):
        photos[row] = Photo(rng.integers(0, 256, (12, 8, 3), dtype=np.uint8), f"{row}.png", row in damaged)
    table = make_table(
        {"image": np.zeros((rows, 1, 1)), "label": ["cat", "dog"] * (rows // 2)}, target="label", name="album"
    )
    table = replace(table, columns={**table.columns, "image": Column("image", "image", photos)})
    return replace(table, row_names=np.asarray([photo.name for photo in photos])), photos


# ------------------------------------------------------------------------------------------------ what is made


def test_arrays_parts_and_facts_fit_together(tmp_path):
    data = prepared(people(), tmp_path)
    assert {stream: array.shape for stream, array in data.arrays.items()} == {"inputs": (60, 4), "targets": (60,)}
    assert sorted(np.concatenate(list(data.parts.values())).tolist()) == list(range(60))
    assert (
        data.facts.part_counts
        == {part: len(data.parts[part]) for part in PARTS}
        == {"train": 42, "validation": 9, "test": 9}
    )
    assert (data.facts.class_names, sum(data.facts.class_counts)) == (("no", "yes"), 42)
    assert (data.facts.input_shape, data.facts.num_features, data.facts.vocabulary_size) == ((4,), 4, None)
    assert data.specs["inputs"].names == ("age", "income", "sex=f", "sex=m")
    assert (
        data.encoders["targets"].decode(data.arrays["targets"])[:3].tolist()
        == people().columns["paid"].values[:3].tolist()
    )


def test_the_facts_of_columns_say_what_they_are_used_as(tmp_path):
    table = people(age=[None, 30.0, 30.0] * 20)
    table = replace(table, columns={**table.columns, "sex": replace(table.columns["sex"], kind="ignore")})
    facts = prepared(table, tmp_path).facts
    assert [tuple(column.values()) for column in facts.columns if column["name"] != "income"] == [
        ("age", "numeric", 20, 1, "inputs"),
        ("sex", "ignore", 0, 2, "not used"),
        ("paid", "category", 0, 2, "target"),
    ]
    assert Facts.from_json(json.loads(json.dumps(facts.to_json()))) == facts


def test_statistics_come_from_training_rows_alone(tmp_path):
    data = prepared(people(), tmp_path / "a")
    train, others = data.parts["train"], np.concatenate([data.parts["validation"], data.parts["test"]])
    assert data.arrays["inputs"][train, :2].mean(axis=0) == pytest.approx([0, 0], abs=1e-6)
    assert data.arrays["inputs"][train, :2].std(axis=0) == pytest.approx([1, 1], abs=1e-6)
    age = people().columns["age"].values.copy()
    age[others] = 1e7
    planted = prepared(people(age=age), tmp_path / "b")
    np.testing.assert_array_equal(planted.arrays["inputs"][train], data.arrays["inputs"][train])


def test_pieces_make_the_same_arrays_as_the_whole(tmp_path, monkeypatch):
    whole = prepared(people(), tmp_path / "a")
    monkeypatch.setattr("mapsto.data.writing.CHUNK_ROWS", 7)
    pieces = prepared(people(), tmp_path / "b")
    assert all(pieces.arrays[stream].tobytes() == array.tobytes() for stream, array in whole.arrays.items())


def test_masks_and_images_are_prepared_as_one(tmp_path):
    rng = np.random.default_rng(0)
    values: dict[str, NDArray[Any]] = {
        "image": rng.integers(0, 256, (10, 8, 6, 3), dtype=np.uint8),
        "mask": rng.integers(0, 4, (10, 8, 6)),
    }
    table = make_table(values, kinds={"mask": "mask"}, target="mask")
    data = prepared(table, tmp_path, "semantic_segmentation", ignore_class=3)
    assert data.arrays["inputs"].shape == (10, 3, 8, 6)
    assert data.arrays["targets"].dtype == np.uint8
    assert np.unique(data.arrays["targets"]).tolist() == [0, 1, 2, 255]
    assert sum(data.facts.class_counts) == (values["mask"][data.parts["train"]] < 3).sum()


# ------------------------------------------------------------------------------------------------ made once


def test_prepared_data_are_opened_again_without_decoding_an_image(tmp_path):
    table, photos = album()
    first = prepared(table, tmp_path, "image_classification")
    decoded = [photo.decoded for photo in photos]
    again = prepared(table, tmp_path, "image_classification")
    assert [photo.decoded for photo in photos] == decoded
    assert (again.folder, again.facts, again.notes) == (first.folder, first.facts, first.notes)
    assert again.arrays["inputs"].tobytes() == first.arrays["inputs"].tobytes()


@pytest.mark.parametrize("folder", ["data", "data/fingerprint"])
def test_prepared_data_are_loaded_without_the_source(tmp_path, folder):
    made = prepared(people(), tmp_path / "data")
    place = made.folder if folder.endswith("fingerprint") else tmp_path / "data"
    loaded = load_prepared(place)
    assert (loaded.facts, loaded.specs, loaded.notes) == (made.facts, made.specs, made.notes)
    assert all((loaded.parts[part] == made.parts[part]).all() for part in PARTS)
    assert isinstance(loaded.arrays["inputs"], np.memmap)


def test_whatever_decides_the_arrays_decides_the_folder(tmp_path):
    table = people()
    category = {
        **table.columns,
        "age": Column("age", "category", table.columns["age"].values.astype(str).astype(object)),
    }
    folders = [
        prepared(table, tmp_path).folder.name,
        prepared(table, tmp_path, seed=1).folder.name,
        prepared(table, tmp_path, scale="minmax").folder.name,
        prepared(table, tmp_path, test_share=0.3).folder.name,
        prepared(people(age=np.arange(60.0)), tmp_path).folder.name,
        prepared(replace(table, target="sex"), tmp_path).folder.name,
        prepared(replace(table, target="income"), tmp_path, "tabular_regression").folder.name,
        prepared(replace(table, columns=category), tmp_path).folder.name,
        prepared(replace(table, given_parts=np.repeat(["train", "test"], [50, 10])), tmp_path).folder.name,
        prepared(replace(table, given_parts=np.repeat(["train", "test"], [40, 20])), tmp_path).folder.name,
    ]
    assert len(set(folders)) == len(folders)
    assert prepared(table, tmp_path, source="moved/people.csv").folder.name == folders[0]


# ------------------------------------------------------------------------------------------------ rows left out


def test_rows_without_a_class_are_left_out_with_a_warning(tmp_path):
    data = prepared(people(paid=["yes", "no", None] * 20), tmp_path)
    assert (data.facts.num_rows, data.arrays["targets"].shape) == (40, (40,))
    assert messages(data) == ['20 rows without a usable value of the target "paid" left out.']
    assert data.row_name(2) == "3"


def test_rows_with_an_infinite_or_missing_number_to_predict_are_left_out(tmp_path):
    income = people().columns["income"].values.copy()
    income[[0, 1, 2]] = [np.nan, np.inf, -np.inf]
    data = prepared(replace(people(income=income), target="income"), tmp_path, "tabular_regression")
    assert messages(data) == ['3 rows without a usable value of the target "income" left out.']
    assert np.isfinite(data.arrays["targets"]).all()


def test_rows_with_a_missing_number_are_left_out_where_the_settings_say_so(tmp_path):
    table = people(age=[None, np.inf] + [float(row % 7) for row in range(58)])
    dropped, kept = prepared(table, tmp_path, missing="drop"), prepared(table, tmp_path)
    assert (dropped.facts.num_rows, kept.facts.num_rows) == (58, 60)
    assert messages(dropped) == ["2 rows of 60 with a missing number left out (`data.missing`)."]
    assert "age missing" not in dropped.specs["inputs"].names


def test_a_class_that_training_never_saw_is_left_out_of_the_test(tmp_path):
    table = replace(
        people(paid=["yes", "no"] * 29 + ["maybe", "yes"]), given_parts=np.asarray(["train"] * 50 + ["test"] * 10)
    )
    data = prepared(table, tmp_path)
    assert data.facts.part_counts["test"] == 9
    assert 58 not in data.parts["test"]
    assert messages(data) == ["One row left out: no training row has their class (maybe)."]


def test_damaged_images_are_left_out_and_named(tmp_path):
    table, _ = album(30, damaged=[3, 4, 20])
    data = prepared(table, tmp_path, "image_classification")
    used = np.concatenate(list(data.parts.values()))
    assert sorted(set(range(30)) - set(used.tolist())) == [3, 4, 20]
    assert data.facts.num_rows == 27
    assert messages(data) == [
        "3 rows left out that cannot be read (3.png is damaged (truncated), 4.png is damaged (truncated), "
        "20.png is damaged (truncated))."
    ]


@pytest.mark.parametrize(
    ("table", "task", "options", "message"),
    [
        (
            people(paid=[None] * 60),
            "tabular_classification",
            {},
            r'"paid" of people.csv has no usable value in any of 60',
        ),
        (people(paid=["yes"] * 60), "tabular_classification", {}, r"has one class in the 42 training rows \(yes\)"),
        (
            people(2, paid=["yes", "no"]),
            "tabular_classification",
            {},
            "people.csv has 2 rows that can be used; at least 3",
        ),
        (
            people(age=[None] * 60),
            "tabular_classification",
            {"missing": "drop", "clean": "none"},
            "No row of people.csv is complete",
        ),
        (
            replace(people(income=[1.0] * 60), target="income"),
            "tabular_regression",
            {},
            "is constant: 1 in all of the 42",
        ),
        (replace(people(), target=None), "tabular_classification", {}, "people.csv has no target: name the column"),
        (album(30, damaged=range(30))[0], "image_classification", {}, r"can be read: \d+.png is damaged"),
    ],
)
def test_data_that_cannot_be_learned_from_are_refused_and_nothing_is_left(tmp_path, table, task, options, message):
    with pytest.raises(DataError, match=message):
        prepared(table, tmp_path, task, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_which_no_row_can_be_used_is_refused(tmp_path):
    table = replace(
        people(paid=["yes", "no"] * 29 + ["maybe"] * 2), given_parts=np.asarray(["train"] * 58 + ["test"] * 2)
    )
    with pytest.raises(DataError, match=r"No row is left for test in people\.csv\. 2 rows left out: .* \(maybe\)"):
        prepared(table, tmp_path)
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------------ examples


def test_an_image_is_shown_as_the_network_gets_it(tmp_path):
    table, _ = album()
    data = prepared(table, tmp_path, "image_classification")
    example = data.example(5)
    kind, png = example["png"].split(",")
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))
    assert (example["kind"], kind, data.row_name(5)) == ("image", "data:image/png;base64", "5.png")
    np.testing.assert_array_equal(pixels, np.moveaxis(data.arrays["inputs"][5], 0, -1))


def test_a_row_is_shown_with_its_raw_values(tmp_path):
    data = prepared(people(age=[None, np.inf, 30.5] * 20), tmp_path)
    assert [data.example(row)["values"]["age"] for row in range(3)] == [None, "inf", 30.5]
    assert list(data.example(0)["values"]) == ["age", "sex", "income"]
    assert json.dumps(data.example(1), allow_nan=False)


def test_a_text_is_shown_as_it_was(tmp_path):
    values: dict[str, list[Any]] = {
        "review": ["Great <b>film</b>!", None, "Bad…"] * 10,
        "label": ["good", "good", "bad"] * 10,
    }
    data = prepared(make_table(values, kinds={"review": "text"}, target="label"), tmp_path, "text_classification")
    assert [data.example(row)["text"] for row in range(3)] == ["Great <b>film</b>!", "", "Bad…"]
    assert data.facts.vocabulary_size == 2 + 4


# ------------------------------------------------------------------------------------------------ when things go wrong


def test_an_interruption_leaves_no_half_folder(tmp_path):
    table, photos = album()

    def interrupt(size):
        raise KeyboardInterrupt

    photos[29].decode = interrupt
    with pytest.raises(KeyboardInterrupt):
        prepared(table, tmp_path, "image_classification")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_a_living_ones_work_is_not(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = [f".0123456789abcdef.{process}.tmp" for process in (dead.pid, os.getppid())]
    for name in names:
        (tmp_path / name).mkdir()
    data = prepared(people(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [names[1], data.folder.name]


def test_of_two_processes_that_prepare_the_same_one_wins(tmp_path, monkeypatch):
    from mapsto.data.writing import write

    def write_late(*arguments):
        write(*arguments)
        monkeypatch.setattr(preparing, "write", write)
        prepared(people(), tmp_path / "elsewhere").folder.rename(tmp_path / "data" / name)

    name = prepared(people(), tmp_path / "first").folder.name
    monkeypatch.setattr(preparing, "write", write_late)
    assert prepared(people(), tmp_path / "data").facts.num_rows == 60
    assert [path.name for path in (tmp_path / "data").iterdir()] == [name]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("inputs.npy", b"\x93NUMPY", "is damaged"),
        ("parts.npz", b"", "is damaged"),
        ("prepared.json", b"{", "is damaged"),
        ("prepared.json", b'{"format": 0}', "was prepared in format 0; this version of mapsto reads format 2"),
        ("prepared.json", None, "holds no prepared data"),
    ],
)
def test_damaged_prepared_data_are_refused(tmp_path, file, content, message):
    folder = prepared(people(), tmp_path).folder
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(RunError, match=message):
        load_prepared(folder)


def test_a_folder_that_cannot_be_made_is_explained(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(RunError, match=r"runs/data cannot be written \(Not a directory\)\. Choose another folder"):
        prepared(people(), tmp_path / "runs" / "data")


ON_A_FULL_DISK = """
import sys
from pathlib import Path
import numpy as np
from mapsto.data.prepare import prepare
from mapsto.errors import RunError
from mapsto.recipe.families import TASKS
from mapsto.recipe.schema import DataOptions
from mapsto.testing.tables import make_table

noise = np.random.default_rng(0).integers(0, 256, (600, 30, 30), dtype=np.uint8)
table = make_table({"image": noise, "label": ["cat", "dog"] * 300}, target="label")
folder = Path(sys.argv[1])
try:
    prepare(table, task=TASKS.get("image_classification")(), recipe_data=DataOptions(), seed=0, folder=folder)
except RunError as error:
    print(error, sorted(folder.iterdir()))
"""


def test_a_full_disk_is_explained_and_leaves_no_half_folder(tmp_path):
    mounted = 'mount -t tmpfs -o size=300k none "$0" && exec "$@"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mounted, str(tmp_path)]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    run = subprocess.run(
        [*command, sys.executable, "-c", ON_A_FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert run.stdout.startswith("The disk is full:"), run.stderr
    assert run.stdout.endswith("Free some space and go on with `mapsto resume`. []\n")


# ------------------------------------------------------------------------------------------------ real data


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "task", "target", "shape", "seconds"),
    [
        ("mnist/mnist.npz", "image_classification", None, (70_000, 1, 28, 28), 20),
        ("tabular/adult.csv.gz", "tabular_classification", "income", (48_842, 100), 10),
    ],
)
def test_real_data_take_seconds(tmp_path, shared_data, source, task, target, shape, seconds):
    table = read(shared_data / source, options=DataOptions(target=target))
    start = time.perf_counter()
    data = prepared(table, tmp_path, task)
    assert time.perf_counter() - start < seconds  # 0.5 and 1.8 s alone on two slow cores
    assert data.arrays["inputs"].shape == shape
