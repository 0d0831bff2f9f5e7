"""Sets that have a name."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from mapsto.data.read import read
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

OPTIONS = DataOptions()


def test_digits_are_images_of_bytes():
    table = read("digits", options=OPTIONS)
    pixels = table.columns["image"].values
    assert pixels.dtype == np.uint8
    assert (pixels.shape, pixels.max()) == ((1797, 8, 8), 255)
    np.testing.assert_allclose(pixels * (16 / 255), load_digits().images, atol=0.05)
    assert (table.name, table.target, len(set(table.columns["target"].values))) == ("digits", "target", 10)


def test_a_set_that_is_not_there_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("MAPSTO_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    expected = f"Looked for: {tmp_path}/mnist/mnist.npz, .*/.cache/mapsto/data/mnist/mnist.npz"
    with pytest.raises(DataError, match=expected):
        read("mnist", options=OPTIONS)


def test_a_set_is_found_below_the_folder_in_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MAPSTO_DATA", str(tmp_path))
    np.savez(tmp_path / "mnist.npz", x=np.zeros((40, 2, 2), np.uint8), y=np.arange(40) % 2)
    table = read("mnist", options=OPTIONS)
    assert (table.name, len(table)) == ("mnist", 40)


def test_a_file_of_the_same_name_is_meant_by_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="There is no file"):
        read(Path("digits"), options=OPTIONS)
    (tmp_path / "digits").mkdir()
    with pytest.raises(DataError, match="digits holds no images"):
        read("./digits", options=OPTIONS)


def test_real_mnist(shared_data, monkeypatch):
    monkeypatch.setenv("MAPSTO_DATA", str(shared_data))
    table = read("mnist", options=OPTIONS)
    assert table.given_parts is not None
    assert ((table.given_parts == "train").sum(), (table.given_parts == "test").sum()) == (60_000, 10_000)
    assert table.columns["target"].values[:10].tolist() == list("5041921314")
    assert table.columns["image"].values[:60_000].mean() == pytest.approx(33.318, abs=0.001)


def test_real_cifar(shared_data, monkeypatch, tmp_path):
    folder = tmp_path / "cifar10"
    folder.mkdir()
    shutil.copy(shared_data / "cifar10" / "cifar10.zip", folder)
    monkeypatch.setenv("MAPSTO_DATA", str(tmp_path))
    table = read("cifar10", options=OPTIONS)
    assert (table.name, len(table), len(set(table.columns["class"].values))) == ("cifar10", 15_000, 10)
    assert table.columns["image"].values[0].decode().shape == (32, 32, 3)
