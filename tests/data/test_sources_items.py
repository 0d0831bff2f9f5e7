"""Items that come one after another: whatever gives them, the table is that of the same arrays."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, IterableDataset, Subset, TensorDataset

from mapsto.data.read import read
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

X, Y = np.random.default_rng(0).random((40, 3)), np.arange(40) % 4
PICTURES = np.arange(40 * 8 * 9 * 3, dtype=np.uint8).reshape(40, 8, 9, 3)
PAIRS = TensorDataset(torch.tensor(X), torch.tensor(Y))


def read_it(source, target_needed=True, **options):
    return read(source, options=DataOptions(**options), target_needed=target_needed)


class Rows(torch.utils.data.Dataset):
    """Map-style, with names of classes."""

    classes = ("a", "b", "c", "d")

    def __len__(self):
        return 40

    def __getitem__(self, place):
        return X[place], int(Y[place])


class Stream(IterableDataset):
    def __iter__(self):
        return zip(X, Y, strict=True)


class Endless:
    """Iterable without a length."""

    def __iter__(self):
        return ({"x": x, "y": y} for x, y in zip(X, Y, strict=True))


class PyDataset:
    """As Keras's is, which is recognized by its name."""

    __module__ = "keras.utils"


class Batches(PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, place):
        return X[place * 10 : place * 10 + 10], Y[place * 10 : place * 10 + 10], np.ones(10)


class DatasetV2:
    """As TensorFlow's is, which is recognized by its name."""

    __module__ = "tensorflow.python.data.ops.dataset_ops"

    def __init__(self, items):
        self.items = items

    def as_numpy_iterator(self):
        return iter(self.items)


def joined(rows):
    """A loader's own way to make a batch."""
    return {"x": torch.stack([row[0] for row in rows]), "y": torch.stack([row[1] for row in rows])}


SOURCES = {
    "a generator": lambda: ((x, y) for x, y in zip(X, Y, strict=True)),
    "an iterable of dicts": Endless,
    "one-hot": lambda: ((x, np.eye(4)[y]) for x, y in zip(X, Y, strict=True)),
    "a dataset of tensors": lambda: PAIRS,
    "a stream": Stream,
    "a loader": lambda: DataLoader(PAIRS, batch_size=7),
    "a shuffling loader": lambda: DataLoader(PAIRS, batch_size=7, shuffle=True),
    "a loader of a stream": lambda: DataLoader(Stream(), batch_size=3),
    "a loader with dicts": lambda: DataLoader(PAIRS, batch_size=7, collate_fn=joined),
    "Keras": Batches,
    "tf.data": lambda: DatasetV2(zip(X, Y, strict=True)),
    "tf.data in batches": lambda: DatasetV2([(X[:30], Y[:30]), (X[30:], Y[30:])]),
}


@pytest.mark.parametrize("case", SOURCES)
def test_items_are_the_table_of_their_arrays(case):
    table = read_it(SOURCES[case]())
    assert len(table) == 40
    np.testing.assert_allclose(np.column_stack([table.columns[f"x{place}"].values for place in range(3)]), X)
    assert table.columns[table.target].values.tolist() == [str(label) for label in Y]


def test_names_of_classes_are_kept():
    assert read_it(Rows()).columns["target"].values[:4].tolist() == ["a", "b", "c", "d"]


def test_part_of_a_dataset_is_that_part():
    assert read_it(Subset(PAIRS, range(5, 25))).columns["x1"].values[0] == X[5, 1]


def test_a_loader_in_random_order_and_with_its_own_batches_is_refused():
    with pytest.raises(DataError, match="gives its rows in another order each time"):
        read_it(DataLoader(PAIRS, shuffle=True, collate_fn=joined))


def test_fingerprints_follow_content():
    same = read_it(SOURCES["a generator"]()).fingerprint
    assert read_it(SOURCES["a shuffling loader"]()).fingerprint == same
    assert read_it(((x + 1e-9, y) for x, y in zip(X, Y, strict=True))).fingerprint != same


@pytest.mark.parametrize("memory", ["4GB", "1MB"])
def test_images_of_one_size_are_one_array(memory):
    many = np.concatenate([PICTURES] * 30)
    table = read_it(((image, row % 2) for row, image in enumerate(many)), memory=memory)
    np.testing.assert_array_equal(table.columns["image"].values, many)
    assert isinstance(table.columns["image"].values, np.memmap) == (memory == "1MB")
    np.testing.assert_array_equal(table.take(np.array([7, 3])).columns["image"].values, many[[7, 3]])


@pytest.mark.parametrize("memory", ["4GB", "1MB"])
def test_images_of_different_sizes_are_decoded_when_asked_for(memory):
    pictures = [Image.fromarray(np.full((8 + row % 3, 300), row, np.uint8)) for row in range(200)]
    table = read_it(((picture, row % 2) for row, picture in enumerate(pictures)), memory=memory)
    image = table.columns["image"].values[5]
    assert (image.size, image.decode().tolist()) == ((10, 300), [[5] * 300] * 10)
    assert image.decode((4, 6)).shape == (4, 6)


def test_images_and_masks():
    table = read_it((image, image[..., 0] % 3) for image in PICTURES)
    assert table.target == "mask"
    np.testing.assert_array_equal(table.columns["mask"].values, PICTURES[..., 0] % 3)


def test_text():
    table = read_it((f"text {row} of some six words or more", "ab"[row % 2]) for row in range(40))
    assert (table.columns["text"].kind, table.columns["target"].values[1]) == ("text", "b")


def test_more_rows_than_memory_holds_are_the_same_table():
    def rows():
        return ({"n": row / 3, "word": f"w{row % 7}", "gone": None, "y": "ab"[row % 2]} for row in range(50_000))

    small, large = read_it(rows()), read_it(rows(), memory="1MB")
    assert isinstance(large.columns["n"].values, np.memmap)
    assert "more than `data.memory` (1MB) has room for" in large.notes[0].message
    assert large.fingerprint == small.fingerprint
    for name, column in small.columns.items():
        assert large.columns[name].kind == column.kind
        values = np.asarray(large.columns[name].values)
        np.testing.assert_array_equal(values[~pd.isna(values)], column.values[~pd.isna(column.values)])


BAD = {
    "a fault in the user's code": (lambda: (1 / 0 for _ in range(3)), "failed after 0 items: ZeroDivisionError"),
    "two targets": (lambda: ((x, [0.5, 1.5]) for x in X), "Item 0 has 2 targets"),
    "vectors of other lengths": (lambda: ((X[0][: 1 + row % 2], row % 2) for row in range(9)), "vectors of one length"),
    "an object": (lambda: ((object(), 1) for _ in range(3)), "Received: object, in item 0"),
    "an image less": (lambda: ((PICTURES[0] if row else 1.0, 1) for row in range(3)), "lacks the image"),
    "no item": (lambda: iter(()), "gave no items"),
}


@pytest.mark.parametrize("case", BAD)
def test_items_that_are_no_rows_are_refused(case):
    make, message = BAD[case]
    with pytest.raises(DataError, match=message):
        read_it(make())


def test_polars():
    polars = pytest.importorskip("polars")
    frame = pd.DataFrame({"size": X[:, 0], "town": ["A", "B"] * 20, "y": Y})
    plain = polars.DataFrame(frame.to_dict("list"))
    fingerprints = {read_it(source).fingerprint for source in (frame, plain, plain.lazy())}
    assert len(fingerprints) == 1


def test_hugging_face_splits_are_parts_and_classes_have_names():
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"size": datasets.Value("float64"), "y": datasets.ClassLabel(names=list("abcd"))})
    whole = datasets.Dataset.from_dict({"size": X[:, 0].tolist(), "y": Y.tolist()}, features=features)
    parts = datasets.DatasetDict({"train": whole, "test": whole, "unsupervised": whole})
    table = read_it(parts)
    assert table.given_parts.tolist() == ["train"] * 40 + ["test"] * 40
    assert table.columns["y"].values[:4].tolist() == ["a", "b", "c", "d"]
    assert "The splits unsupervised are not used" in table.notes[0].message
    assert len(read_it(whole)) == len(read_it(whole.to_iterable_dataset())) == 40


def test_hugging_face_images_are_decoded():
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"image": datasets.Image(), "y": datasets.Value("int64")})
    images = [Image.fromarray(image) for image in PICTURES]
    table = read_it(datasets.Dataset.from_dict({"image": images, "y": (Y % 2).tolist()}, features=features))
    np.testing.assert_array_equal(table.columns["image"].values, PICTURES)


def test_keras_itself(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")

    methods = {"__len__": Batches.__len__, "__getitem__": Batches.__getitem__}
    real = type("Real", (keras.utils.PyDataset,), methods)
    assert len(read_it(real())) == 40


def test_tensorflow_itself():
    tensorflow = pytest.importorskip("tensorflow")
    assert len(read_it(tensorflow.data.Dataset.from_tensor_slices((X, Y)).batch(7))) == 40


def test_no_framework_is_imported_to_recognize_its_data():
    had = "tensorflow" in sys.modules
    read_it(SOURCES["tf.data"]())
    assert ("tensorflow" in sys.modules) == had


@pytest.mark.parametrize("collate", [None, list])
def test_the_last_rows_of_a_loader_that_drops_them_are_read(collate):
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.arange(20.0).reshape(10, 2), torch.arange(10) % 2)
    own = None if collate is None else lambda items: tuple(torch.stack(part) for part in zip(*items, strict=True))
    loader = torch.utils.data.DataLoader(data, batch_size=4, drop_last=True, collate_fn=own)
    assert read(loader, options=DataOptions()).columns["x0"].values.tolist() == list(range(0, 20, 2))


def test_a_loader_that_draws_a_part_of_the_rows_is_refused():
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.arange(20.0).reshape(10, 2), torch.arange(10) % 2)
    sampler = torch.utils.data.RandomSampler(data, num_samples=4)
    with pytest.raises(DataError, match="not all of them"):
        read(torch.utils.data.DataLoader(data, batch_size=4, sampler=sampler), options=DataOptions())
