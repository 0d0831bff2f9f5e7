"""What is in memory already: the same values give the same table whatever holds them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from sklearn.datasets import load_iris

from mapsto.data.read import read
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

X, Y = np.random.default_rng(0).random((40, 3)), np.arange(40) % 4
FRAME = pd.DataFrame({"size": X[:, 0], "town": ["A", "B"] * 20, "price": X[:, 2]})


def read_it(source, target_needed=True, **options):
    return read(source, options=DataOptions(**options), target_needed=target_needed)


PAIRS = {
    "arrays": (X, Y),
    "lists": (X.tolist(), Y.tolist()),
    "tensors": (torch.tensor(X), torch.tensor(Y)),
    "lists of tensors": (list(torch.tensor(X)), list(torch.tensor(Y))),
    "one-hot": (X, np.eye(4)[Y]),
    "a column of targets": (X, Y[:, np.newaxis]),
    "words": (X, [str(label) for label in Y]),
    "a frame and a series": (pd.DataFrame(X, columns=["x0", "x1", "x2"]), pd.Series(Y, index=range(40, 0, -1))),
    "a frame and a list": (pd.DataFrame(X, columns=["x0", "x1", "x2"]), Y.tolist()),
    "a frame and a frame": (pd.DataFrame(X, columns=["x0", "x1", "x2"]), pd.DataFrame({"target": Y})),
    "a frame of Arrow and a tensor": (pa.table({f"x{place}": X[:, place] for place in range(3)}), torch.tensor(Y)),
}


@pytest.mark.parametrize("case", PAIRS)
def test_pairs_of_any_kind_are_the_same_table(case):
    table = read_it(PAIRS[case])
    assert table.target == "target"
    assert {name: column.kind for name, column in table.columns.items()} == {
        "x0": "numeric",
        "x1": "numeric",
        "x2": "numeric",
        "target": "category",
    }
    np.testing.assert_allclose(table.columns["x1"].values, X[:, 1])
    assert table.columns["target"].values.tolist() == [str(label) for label in Y]


@pytest.mark.parametrize(
    "source",
    [FRAME, pa.Table.from_pandas(FRAME), FRAME.to_dict("list"), FRAME.to_dict("records")],
    ids=["frame", "arrow", "dict of columns", "list of dicts"],
)
def test_frames_of_any_kind_are_the_same_table(source):
    table, expected = read_it(source, target="price"), read_it(FRAME, target="price")
    assert table.fingerprint == expected.fingerprint


def test_a_dict_of_arrays_is_read_as_an_npz_file():
    table = read_it({"x_train": X[:30], "y_train": Y[:30], "x_test": X[30:], "y_test": Y[30:]})
    assert table.given_parts is not None
    assert table.given_parts.tolist() == ["train"] * 30 + ["test"] * 10


def test_sets_of_scikit_learn_keep_their_names():
    table = read_it(load_iris())
    assert list(table.columns)[:1] == ["sepal length (cm)"]
    assert set(table.columns["target"].values) == {"0", "1", "2"}


def test_images_and_masks_as_tensors():
    images, masks = torch.rand(6, 3, 8, 9), torch.randint(0, 3, (6, 8, 9))
    masks[0, 0, 0] = -1
    table = read_it((images, masks))
    assert table.columns["image"].values.shape == (6, 8, 9, 3)
    assert (table.target, table.columns["mask"].values[0, 0, 0]) == ("mask", 255)
    assert "Set `data.ignore_class` to 255" in table.notes[0].message


def test_half_precision_tensors_are_read():
    table = read_it((torch.tensor(X, dtype=torch.bfloat16, requires_grad=True), Y))
    np.testing.assert_allclose(table.columns["x0"].values, X[:, 0], atol=0.01)


def test_text_keeps_its_length():
    table = read_it((["short", "long " * 1000 + "end"] * 20, Y))
    assert (table.columns["text"].kind, len(table.columns["text"].values[1])) == ("text", 5003)


def test_rows_are_called_by_the_index():
    table = read_it(FRAME.set_axis([f"r{row}" for row in range(40)]), target="price")
    assert table.row_names[:2].tolist() == ["r0", "r1"]


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        (X[:1], ["numeric"] * 3),
        (["a good film"], ["text"]),
        (np.zeros((2, 8, 8), np.uint8), ["image"]),
        (torch.rand(2, 3, 8, 8), ["image"]),
        ([{"size": 1.5, "town": "A"}], ["numeric", "category"]),
        (FRAME["size"], ["numeric"]),
    ],
    ids=["array", "texts", "images", "tensor", "records", "series"],
)
def test_inputs_alone_are_enough_to_predict(source, kinds):
    table = read_it(source, target_needed=False)
    assert ([column.kind for column in table.columns.values()], table.target) == (kinds, None)


BAD = {
    "nothing": (None, "NoneType is not read as data"),
    "a generator of inputs": (iter(X), "Which column of data is to be predicted"),
    "a generator that has ended": (iter([]), "data gave no items"),
    "three entries": ((X, Y, Y), "must be a pair .* Received: 3 entries"),
    "rows of other lengths": (([[1, 2], [3]], [0, 1]), "Rows must have the same length and shape"),
    "lengths": ((X, Y[:-1]), "40 rows of inputs, but 39 of targets"),
    "lengths of a frame": ((FRAME, Y[:-1]), r"x has 40 rows, but y has shape \(39,\)"),
    "columns of other lengths": ({"a": [1, 2], "b": [1]}, "columns of equal length"),
    "a name twice": ((FRAME, FRAME["size"]), 'y is called "size", as a column of x is'),
    "one column of that name twice": (pd.DataFrame(X, columns=["a", "a", "y"]), 'more than one column called "a"'),
    "no target": (X, "Which column of data is to be predicted"),
    "no rows": (FRAME.iloc[:0], "data has no rows"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_makes_no_table_is_refused(case):
    source, message = BAD[case]
    with pytest.raises(DataError, match=message):
        read_it(source)
