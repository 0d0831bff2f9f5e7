"""CIFAR's own files, and that its pickles are never loaded."""

from __future__ import annotations

import io
import pickle
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mapsto.data.read import read
from mapsto.data.sources._pickles import literals
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

OPTIONS = DataOptions()
NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
RNG = np.random.default_rng(5)


def batch(rows: int = 6) -> tuple[np.ndarray, np.ndarray]:
    return RNG.integers(0, 256, (rows, 3, 32, 32), dtype=np.uint8), np.arange(rows) % 10


def binary(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    folder.mkdir(parents=True)
    made = {}
    for name in [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]:
        pixels, labels = made[name] = batch()
        records = np.hstack([labels[:, None].astype(np.uint8), pixels.reshape(len(labels), -1)])
        (folder / f"{name}.bin").write_bytes(records.tobytes())
    (folder / "batches.meta.txt").write_text("\n".join(NAMES) + "\n\n")
    return made


def python2(value: object) -> bytes:
    """Pickles as Python 2 did: byte strings as BINSTRING, an array as its class, its state and its bytes."""
    if isinstance(value, bytes):
        return b"T" + len(value).to_bytes(4, "little") + value
    if isinstance(value, int):
        return b"K" + bytes([value]) if value < 256 else b"J" + value.to_bytes(4, "little")
    if isinstance(value, list):
        return b"](" + b"".join(map(python2, value)) + b"e"
    if isinstance(value, np.ndarray):
        rebuild = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85" + python2(b"b") + b"tR"
        kind = (
            b"cnumpy\ndtype\n("
            + python2(b"u1")
            + b"K\x00K\x01tR(K\x03"
            + python2(b"|")
            + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        )
        shape = b"(" + python2(value.shape[0]) + python2(value.shape[1]) + b"t"
        return rebuild + b"(K\x01" + shape + kind + b"\x89" + python2(value.tobytes()) + b"tb"
    assert isinstance(value, dict)
    return b"}(" + b"".join(python2(key) + python2(item) for key, item in value.items()) + b"u"


def pickled2(value: object) -> bytes:
    return b"\x80\x02" + python2(value) + b"."


PICKLERS: dict[str, Callable[[object], bytes]] = {
    "Python 2": pickled2,
    **{f"protocol {n}": partial(pickle.dumps, protocol=n) for n in (2, 3, 4)},
}


def check(table, made) -> None:
    pixels = table.columns["image"].values
    expected = np.concatenate([np.moveaxis(images, 1, -1) for images, _ in made.values()])
    np.testing.assert_array_equal(pixels, expected)
    assert table.columns["target"].values.tolist() == [NAMES[label] for _, labels in made.values() for label in labels]
    assert table.given_parts.tolist() == ["train"] * 30 + ["test"] * 6


@pytest.mark.parametrize("below", [".", "cifar-10-batches-bin"])
def test_binary_cifar10(below, tmp_path):
    made = binary(tmp_path / "set" / below)
    check(read(tmp_path / "set", options=OPTIONS), made)


def test_binary_cifar10_in_its_archive(tmp_path):
    made = binary(tmp_path / "cifar-10-batches-bin")
    path = tmp_path / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(tmp_path / "cifar-10-batches-bin", "cifar-10-batches-bin")
    check(read(path, options=OPTIONS), made)


@pytest.mark.parametrize("how", PICKLERS)
def test_python_cifar10(how, tmp_path):
    dump = PICKLERS[how]
    made = {}
    for name in [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]:
        pixels, labels = made[name] = batch()
        held = {b"data": pixels.reshape(len(labels), -1), b"labels": labels.tolist(), b"batch_label": name.encode()}
        (tmp_path / name).write_bytes(dump({**held, b"filenames": [b"x_%d.png" % row for row in range(6)]}))
    meta = {b"num_cases_per_batch": 6, b"label_names": [name.encode() for name in NAMES], b"num_vis": 3072}
    (tmp_path / "batches.meta").write_bytes(dump(meta))
    check(read(tmp_path, options=OPTIONS), made)


def test_cifar100_has_fine_classes(tmp_path):
    names = [f"fine{number}" for number in range(100)]
    for part in ("train", "test"):
        pixels, labels = batch(120)
        labels = np.arange(120) % 100
        coarse = np.zeros((120, 1), np.uint8)
        fine = labels[:, None].astype(np.uint8)
        records = np.hstack([coarse, fine, pixels.reshape(120, -1)])
        (tmp_path / f"{part}.bin").write_bytes(records.tobytes())
    (tmp_path / "fine_label_names.txt").write_text("\n".join(names))
    table = read(tmp_path, options=OPTIONS)
    assert table.columns["target"].values[:120].tolist() == [names[number % 100] for number in range(120)]


def test_python_cifar100(tmp_path):
    pixels, _ = batch(4)
    for part in ("train", "test"):
        held = {b"filenames": [b"a", b"b"], b"coarse_labels": [1, 1, 1, 1], b"fine_labels": [3, 2, 1, 0]}
        (tmp_path / part).write_bytes(pickled2({**held, b"data": pixels.reshape(4, -1)}))
    meta = {b"fine_label_names": [b"p", b"q", b"r", b"s"], b"coarse_label_names": [b"t", b"u"]}
    (tmp_path / "meta").write_bytes(pickled2(meta))
    assert read(tmp_path, options=OPTIONS).columns["target"].values.tolist() == list("srqp") * 2


def test_a_pickle_with_a_program_in_it_does_not_run_it(tmp_path):
    class Program:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    data = pickle.dumps({b"data": Program(), b"labels": [1, 2]})
    assert b"labels" in list(literals(data))
    for name in [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch", "batches.meta"]:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match="holds 2 labels, but .* bytes of pixels"):
        read(tmp_path, options=OPTIONS)
    assert not (tmp_path / "ran").exists()
    pickle.load(io.BytesIO(data))
    assert (tmp_path / "ran").exists()  # so would loading it have done


def test_what_is_not_whole_is_told(tmp_path):
    binary(tmp_path / "a")
    (tmp_path / "a" / "data_batch_3.bin").unlink()
    with pytest.raises(DataError, match="data_batch_3.bin is not there"):
        read(tmp_path / "a", options=OPTIONS)
    (tmp_path / "a" / "data_batch_3.bin").write_bytes(b"x" * 100)
    with pytest.raises(DataError, match="100 bytes, no multiple of 3,073"):
        read(tmp_path / "a", options=OPTIONS)
