"""IDX files: the format of MNIST."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from mapsto.data.read import read
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 4, 5), dtype=np.uint8)
LABELS = (np.arange(60) % 3).astype(np.uint8)


def encoded(array) -> bytes:
    return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write(folder: Path, pattern="{}-{}-idx{}-ubyte", rows=40) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for part, piece in (("train", slice(0, rows)), ("t10k", slice(rows, 60))):
        for what, array in (("images", IMAGES[piece]), ("labels", LABELS[piece])):
            path = folder / pattern.format(part, what, array.ndim)
            path.write_bytes(gzip.compress(encoded(array)) if path.suffix == ".gz" else encoded(array))
    return folder


@pytest.mark.parametrize("pattern", ["{}-{}-idx{}-ubyte", "{}-{}.idx{}-ubyte", "{}-{}-idx{}-ubyte.gz"])
@pytest.mark.parametrize("below", ["", "MNIST/raw"])
def test_train_and_test_files_are_the_parts(pattern, below, tmp_path):
    write(tmp_path / below, pattern)
    table = read(tmp_path, options=DataOptions())
    np.testing.assert_array_equal(table.columns["image"].values, IMAGES)
    assert table.columns["target"].values.tolist() == [str(label) for label in LABELS]
    assert table.given_parts is not None
    assert table.given_parts.tolist() == ["train"] * 40 + ["test"] * 20


def broken(name, change):
    def make(folder: Path) -> None:
        path = folder / name
        path.write_bytes(change(path.read_bytes()))

    return make


BAD = {
    "cut": (broken("train-images-idx3-ubyte", lambda data: data[:-1]), "must hold 800 bytes for shape"),
    "too long": (broken("t10k-labels-idx1-ubyte", lambda data: data + b"1"), "must hold 20 bytes"),
    "no header": (broken("train-labels-idx1-ubyte", lambda data: data[:5]), "is not an IDX file of bytes with 1 axes"),
    "other type": (broken("train-labels-idx1-ubyte", lambda data: b"\0\0\x0d" + data[3:]), "first bytes are 00000d01"),
    "huge": (broken("train-images-idx3-ubyte", lambda data: data[:4] + b"\xff" * 12), "more than 8 GiB"),
    "lengths": (broken("t10k-labels-idx1-ubyte", lambda data: encoded(LABELS)), "20 images, but 60 labels"),
    "no labels": (lambda folder: (folder / "t10k-labels-idx1-ubyte").unlink(), "but no t10k-labels-idx1-ubyte"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_named(case, tmp_path):
    damage, message = BAD[case]
    damage(write(tmp_path))
    with pytest.raises(DataError, match=message):
        read(tmp_path, options=DataOptions())


def test_a_cut_archive_is_named(tmp_path):
    path = write(tmp_path, "{}-{}-idx{}-ubyte.gz") / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="train-images-idx3-ubyte.gz cannot be read"):
        read(tmp_path, options=DataOptions())
