"""Arrays in numpy's files: the names that people use, and nothing that could run."""

from __future__ import annotations

import zipfile
from typing import Any

import numpy as np
import pytest

from mapsto.data.read import read
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

X, Y = np.random.default_rng(0).random((40, 3)), np.arange(40) % 4
IMAGES = np.random.default_rng(0).integers(0, 256, (40, 5, 6), dtype=np.uint8)


def read_npz(folder, target_needed=True, **arrays):
    np.savez(folder / "a.npz", **arrays)
    return read(folder / "a.npz", options=DataOptions(), target_needed=target_needed)


@pytest.mark.parametrize("names", ["xy", "Xy", ("data", "target")])
def test_names_of_inputs_and_targets(names, tmp_path):
    table = read_npz(tmp_path, **{names[0]: X, names[1]: Y})
    assert [column.kind for column in table.columns.values()] == ["numeric"] * 3 + ["category"]
    np.testing.assert_array_equal(table.columns["x1"].values, X[:, 1])
    assert table.columns["target"].values[:5].tolist() == ["0", "1", "2", "3", "0"]


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test"),
        ("X_train", "y_train", "X_valid", "y_valid", "X_test", "y_test"),
        ("train_images", "train_labels", "val_images", "val_labels", "test_images", "test_labels"),
    ],
)
def test_parts_in_arrays_of_their_own(names, tmp_path):
    pieces = [slice(0, 20), slice(20, 25), slice(25, 40)]
    values = [array[piece] for piece in pieces for array in (IMAGES, Y)]
    table = read_npz(tmp_path, **dict(zip(names, values, strict=True)))
    assert table.given_parts is not None
    assert table.given_parts.tolist() == ["train"] * 20 + ["validation"] * 5 + ["test"] * 15
    np.testing.assert_array_equal(table.columns["image"].values, IMAGES)
    assert table.columns["target"].values.tolist() == [str(value) for value in Y]


SHAPES: dict[str, tuple[Any, tuple[int, ...]]] = {
    "gray": (IMAGES, (40, 5, 6)),
    "gray with a channel": (IMAGES[..., np.newaxis], (40, 5, 6)),
    "color": (np.zeros((40, 5, 6, 3), np.uint8), (40, 5, 6, 3)),
    "color as torch has it": (np.zeros((40, 3, 5, 6), np.float32), (40, 5, 6, 3)),
}


@pytest.mark.parametrize("case", SHAPES)
def test_arrays_of_three_or_four_axes_are_images(case, tmp_path):
    images, shape = SHAPES[case]
    column = read_npz(tmp_path, x=images, y=Y).columns["image"]
    assert (column.kind, column.values.shape, column.values.dtype) == ("image", shape, images.dtype)


def test_arrays_of_text_are_text(tmp_path):
    table = read_npz(tmp_path, x=np.array([f"film {row}" for row in range(40)]), y=Y)
    assert (table.columns["text"].kind, table.columns["text"].values[3]) == ("text", "film 3")


def test_masks_have_three_axes(tmp_path):
    masks = (IMAGES % 3).astype(np.int64)
    column = read_npz(tmp_path, x=IMAGES, y=masks).columns["mask"]
    assert (column.kind, column.values.dtype) == ("mask", np.uint8)
    np.testing.assert_array_equal(column.values, masks)


def test_one_array_is_enough_to_predict(tmp_path):
    np.save(tmp_path / "a.npy", X)
    for path in (tmp_path / "a.npy", tmp_path / "b.npz"):
        np.savez(tmp_path / "b.npz", inputs_of_mine=X)
        table = read(path, options=DataOptions(), target_needed=False)
        assert (len(table), table.target) == (40, None)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "other names": ({"a": X, "b": Y}, r"must hold arrays called x and y, .* It holds: a \(40, 3\), b \(40,\)"),
    "objects": ({"x": np.array([{}, 1]), "y": Y}, "holds Python objects, which are not loaded"),
    "lengths": ({"x": X, "y": Y[:-1]}, "40 rows of inputs, but 39 of targets"),
    "several targets": ({"x": X, "y": X}, r"has 3 targets a row, of shape \(40, 3\)"),
    "parts of other shapes": (
        {"x_train": X, "y_train": Y, "x_test": X[:, :2], "y_test": Y},
        r"do not fit together: x_train \(40, 3\), x_test \(40, 2\)",
    ),
    "a part without targets": ({"x_train": X, "y_train": Y, "x_test": X}, "has x_test, but no y_test"),
    "five axes": ({"x": X.reshape(40, 3, 1, 1, 1), "y": Y}, r"must have shape \(rows, height, width\)"),
    "seven channels": ({"x": np.zeros((40, 5, 5, 7)), "y": Y}, r"Received: \(40, 5, 5, 7\)"),
    "no rows": ({"x": X[:0], "y": Y[:0]}, "a.npz has no rows"),
    "a number": ({"x": 3, "y": 4}, r"neither features, images nor text. Received: int64 of shape \(\)"),
    "masks of another size": ({"x": IMAGES, "y": IMAGES[:, :4]}, r"Masks in a.npz are \(4, 6\) pixels"),
    "masks of fractions": ({"x": IMAGES, "y": IMAGES / 2}, "whole numbers from 0 to 255"),
}


@pytest.mark.parametrize("case", BAD)
def test_arrays_that_make_no_table_are_refused(case, tmp_path):
    arrays, message = BAD[case]
    with pytest.raises(DataError, match=message):
        read_npz(tmp_path, **arrays)


def test_arrays_larger_than_the_bound_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("mapsto.data.sources.npz.MAX_BYTES", 1000)
    with pytest.raises(DataError, match="GiB of arrays"):
        read_npz(tmp_path, x=np.zeros((100, 100)), y=np.zeros(100))


@pytest.mark.parametrize("header", [b"{'descr': '<f8', (", b"\0", b"{'descr': ',', 'fortran_order': 0, 'shape': ()}"])
def test_a_header_that_is_no_header_is_refused(header, tmp_path):
    padded = header.ljust(117) + b"\n"
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\0" + bytes((len(padded), 0)) + padded)
    with pytest.raises(DataError, match="cannot be read as numpy's file"):
        read(tmp_path / "a.npy", options=DataOptions(), target_needed=False)


def test_a_header_that_lies_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data.replace(b"(40,", b"(99,"))
    with pytest.raises(DataError, match="cannot be read as numpy's file"):
        read(tmp_path / "a.npz", options=DataOptions())
