"""Samples in .tar shards, ImageNet's layout, texts in folders: small ones that are made here."""

from __future__ import annotations

import io
import json
import tarfile
import tracemalloc
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from mapsto.data.read import read
from mapsto.data.tars import TarTree
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

OPTIONS = DataOptions()


def png(value: int, size: tuple[int, int] = (6, 5)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (value, 0, 0)).save(file, "PNG")
    return file.getvalue()


def tar(path: Path, files: dict[str, bytes], mode: Literal["w", "w:gz"] = "w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def shard(path: Path, first: int, count: int = 4, label=lambda row: {"cls": str(row % 2).encode()}) -> Path:
    files: dict[str, bytes] = {}
    for row in range(first, first + count):
        files[f"{row:06d}.png"] = png(row)
        files |= {f"{row:06d}.{suffix}": data for suffix, data in label(row).items()}
    return tar(path, files)


@pytest.fixture
def shards(tmp_path):
    return [shard(tmp_path / f"shards-{number:03d}.tar", 4 * number) for number in range(3)]


@pytest.mark.parametrize("how", ["folder", "braces", "path"])
def test_shards_by_folder_and_by_braces(how, shards, tmp_path):
    braces = f"{tmp_path}/shards-{{000..002}}.tar"
    table = read({"folder": tmp_path, "braces": braces, "path": Path(braces)}[how], options=OPTIONS)
    assert (len(table), table.target, table.columns["image"].kind) == (12, "class", "image")
    assert table.columns["class"].values.tolist() == ["0", "1"] * 6
    assert table.row_names[5] == "shards-001.tar/000005"
    assert table.columns["image"].values[5].decode()[0, 0].tolist() == [5, 0, 0]


def test_one_shard_and_a_missing_one(shards, tmp_path):
    assert len(read(shards[1], options=OPTIONS)) == 4
    with pytest.raises(DataError, match="1 of the 4 shards .* are not there: .*shards-003.tar"):
        read(f"{tmp_path}/shards-{{000..003}}.tar", options=OPTIONS)
    with pytest.raises(DataError, match="lower number first"):
        read(f"{tmp_path}/shards-{{2..0}}.tar", options=OPTIONS)


LABELS = {
    "json": lambda row: {"json": json.dumps({"label": f"c{row % 2}", "url": "x"}).encode()},
    "json alone": lambda row: {"json": json.dumps(f"c{row % 2}").encode()},
    "txt": lambda row: {"txt": f"c{row % 2}\n".encode()},
    "cls before txt": lambda row: {"txt": b"a caption", "cls": f"c{row % 2}".encode()},
}


@pytest.mark.parametrize("case", LABELS)
def test_labels(case, tmp_path):
    table = read(shard(tmp_path / "a.tar", 0, 4, LABELS[case]), options=OPTIONS)
    assert table.columns["class"].values.tolist() == ["c0", "c1", "c0", "c1"]


def test_the_target_may_be_a_key_of_the_json(tmp_path):
    label = lambda row: {"json": json.dumps({"color": f"c{row % 2}", "label": "x"}).encode()}  # noqa: E731
    table = read(shard(tmp_path / "a.tar", 0, 4, label), options=DataOptions(target="color"))
    assert (table.target, table.columns["color"].values[1]) == ("color", "c1")


def test_names_of_shards_tell_the_parts(tmp_path):
    for number, part in enumerate(("train", "val", "test")):
        shard(tmp_path / f"{part}-000.tar", 4 * number)
    table = read(tmp_path, options=OPTIONS)
    assert table.given_parts is not None
    assert sorted(set(zip([name.split("-")[0] for name in table.row_names], table.given_parts, strict=True))) == [
        ("test", "test"), ("train", "train"), ("val", "validation"),
    ]  # fmt: skip


def test_shards_are_read_in_place_and_not_into_memory(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (700, 700, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=0)
    files = {}
    for row in range(40):
        files |= {f"{row}.png": file.getvalue(), f"{row}.cls": str(row % 2).encode()}
    path = tar(tmp_path / "a.tar", files)
    assert path.stat().st_size > 50 * 2**20
    tracemalloc.start()
    tree = TarTree([path])
    assert len(tree.read("a.tar/7.png")) == len(file.getvalue())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2**20
    table = read(path, options=OPTIONS)
    np.testing.assert_array_equal(table.columns["image"].values[39].decode(), pixels)


def test_damaged_and_compressed_shards_are_told(tmp_path):
    whole = shard(tmp_path / "a.tar", 0)
    with pytest.raises(DataError, match="cannot be read as a .tar archive"):
        read(tar(tmp_path / "b" / "b.tar", {"x": b"x" * 9}, "w:gz"), options=OPTIONS)
    (tmp_path / "c.tar").write_bytes(b"no archive at all" * 100)
    with pytest.raises(DataError, match="cannot be read as a .tar archive"):
        read(tmp_path / "c.tar", options=OPTIONS)
    with pytest.raises(DataError, match="holds no samples"):
        read(tar(tmp_path / "d" / "d.tar", {"a.xyz": b"1"}), options=OPTIONS)
    with pytest.raises(DataError, match="000001.json is not JSON"):
        bad = lambda row: {"json": b"{" if row == 1 else b'"a"'}  # noqa: E731
        read(shard(tmp_path / "e" / "e.tar", 0, 4, bad), options=OPTIONS)
    assert len(read(whole, options=OPTIONS)) == 4


def test_links_and_paths_that_lead_out_do_no_harm(tmp_path):
    path = shard(tmp_path / "a.tar", 0)
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo("9.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        escaping = tarfile.TarInfo("../../out.txt")
        escaping.size = 1
        archive.addfile(escaping, io.BytesIO(b"x"))
    assert len(read(path, options=OPTIONS)) == 4
    assert not (tmp_path.parent.parent / "out.txt").exists()


# ------------------------------------------------------------------------------------------------ ImageNet

WORDNET = ("n01440764", "n02119789", "n03345487")


def imagenet(root: Path, flat_val: bool = True) -> Path:
    for place, number in enumerate(WORDNET):
        for row in range(3):
            save(root / "train" / number / f"{number}_{row}.JPEG", 40 * place + row)
    for row in range(6):
        folder = root / "val" if flat_val else root / "val" / WORDNET[row % 3]
        save(folder / f"ILSVRC2012_val_{row + 1:08d}.JPEG", 100 + row)
    save(root / "test" / "ILSVRC2012_test_00000001.JPEG", 9)
    return root


def save(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 5), (value, value, 0)).save(path, "JPEG")


def of_part(table, part: str) -> list[str]:
    return table.columns["class"].values[table.given_parts == part].tolist()


def devkit(folder: Path) -> None:
    from scipy.io import savemat

    folder.mkdir(parents=True)
    synsets = np.zeros(3, dtype=[("ILSVRC2012_ID", "O"), ("WNID", "O")])
    for place, number in enumerate(WORDNET):
        synsets[place] = (3 - place, number)  # the numbers are not in the order of the names
    savemat(folder / "meta.mat", {"synsets": synsets})
    (folder / "ILSVRC2012_validation_ground_truth.txt").write_text("3\n2\n1\n3\n2\n1\n")


@pytest.mark.parametrize("case", ["folders", "devkit", "solution"])
def test_imagenet_with_its_validation_classes(case, tmp_path):
    root = imagenet(tmp_path / ("ILSVRC/Data/CLS-LOC" if case == "solution" else "."), flat_val=case != "folders")
    if case == "devkit":
        devkit(tmp_path / "ILSVRC2012_devkit_t12" / "data")
    if case == "solution":
        rows = "".join(f"ILSVRC2012_val_{row + 1:08d},{WORDNET[row % 3]} 1 2 3 4\n" for row in range(6))
        (tmp_path / "LOC_val_solution.csv").write_text("ImageId,PredictionString\n" + rows)
    assert root.is_dir()
    table = read(tmp_path, options=OPTIONS)
    assert of_part(table, "train") == [number for number in WORDNET for _ in range(3)]
    by_name = dict(zip(table.row_names.tolist(), table.columns["class"].values.tolist(), strict=True))
    found = [by_name[name] for name in sorted(by_name, key=lambda name: name[-13:]) if name.startswith("val")]
    assert found == [WORDNET[row % 3] for row in range(6)]
    assert len(table) == 15


def test_imagenet_without_the_classes_of_val_says_what_is_missing(tmp_path):
    imagenet(tmp_path)
    (tmp_path / "LOC_synset_mapping.txt").write_text(f"{WORDNET[0]} tench, Tinca tinca\n{WORDNET[1]} kit fox\n")
    table = read(tmp_path, options=OPTIONS)
    assert set(table.columns["class"].values) == {"tench (n01440764)", "kit fox (n02119789)", "n03345487"}
    assert len(table) == 9
    assert any(
        "7 images have no class" in n.message and "ILSVRC2012_validation_ground" in n.message for n in table.notes
    )


def test_of_very_many_images_only_the_headers_are_read(tmp_path, monkeypatch):
    from mapsto.data import images

    imagenet(tmp_path, flat_val=False)
    damaged = tmp_path / "train" / WORDNET[0] / f"{WORDNET[0]}_0.JPEG"
    damaged.write_bytes(damaged.read_bytes()[:-3])
    assert len(read(tmp_path, options=OPTIONS)) == 14
    monkeypatch.setattr(images, "LOOKED_INTO", 5)
    table = read(tmp_path, options=OPTIONS)
    assert (len(table), table.columns["image"].values[1].size) == (15, (5, 6))


# ------------------------------------------------------------------------------------------------ texts


def test_texts_in_folders_and_in_a_compressed_archive(tmp_path):
    texts = {
        f"aclImdb/{part}/{label}/{row}_7.txt": f"{label} number {row}, naïve".encode("utf-8" if row else "latin-1")
        for part in ("train", "test")
        for label in ("pos", "neg")
        for row in range(3)
    }
    extra = {"aclImdb/train/unsup/0_0.txt": b"no label", "aclImdb/README": b"x", "aclImdb/imdbEr.txt": b"1"}
    path = tar(tmp_path / "aclImdb_v1.tar.gz", texts | extra, "w:gz")
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path, filter="data")
    for source in (path, tmp_path / "aclImdb"):
        table = read(source, options=DataOptions())
        held = dict(zip(table.row_names.tolist(), table.columns["text"].values.tolist(), strict=True))
        name = next(name for name in held if name.endswith("test/pos/0_7.txt"))
        assert (held[name], table.columns["text"].kind) == ("pos number 0, naïve", "text")
        assert {"pos", "neg"} <= set(table.columns["class"].values)
        assert ((table.given_parts == "train").sum(), (table.given_parts == "test").sum()) == (6, 6)
