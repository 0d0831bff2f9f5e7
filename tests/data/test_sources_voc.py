"""Images with the objects that they show, as Pascal VOC has them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from mapsto.data.read import read
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

OPTIONS = DataOptions(target="cat")
OBJECT = "<object><name>{}</name><bndbox><xmin>1</xmin></bndbox></object>"


def voc(root: Path, objects: list[list[str]]) -> Path:
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / name).mkdir(parents=True)
    for row, names in enumerate(objects):
        Image.new("RGB", (6, 5), (row, 0, 0)).save(root / "JPEGImages" / f"{row}.jpg")
        text = "".join(OBJECT.format(name) for name in names)
        (root / "Annotations" / f"{row}.xml").write_text(f"<annotation><size/>{text}</annotation>")
    (root / "ImageSets" / "Main" / "train.txt").write_text("0\n1\n")
    (root / "ImageSets" / "Main" / "test.txt").write_text("2\n\n")
    return root


def test_a_column_for_each_class_of_object(tmp_path):
    table = read(voc(tmp_path, [["cat"], ["dog", "cat", "dog"], [], ["dog"]]), options=OPTIONS)
    assert table.columns["cat"].values.tolist() == ["yes", "yes", "no", "no"]
    assert table.columns["dog"].values.tolist() == ["no", "yes", "no", "yes"]
    assert table.given_parts.tolist() == ["train", "train", "test", ""]
    assert table.columns["image"].values[0].decode().shape == (5, 6, 3)


def test_the_target_must_be_named(tmp_path):
    with pytest.raises(DataError, match='Which column .* Its columns: "image", "cat", "dog"'):
        read(voc(tmp_path, [["cat"], ["dog"], ["cat", "dog"]]), options=DataOptions())


def test_images_without_annotation_and_bad_annotations(tmp_path):
    root = voc(tmp_path, [["cat"], [], ["cat"], []])
    (root / "Annotations" / "3.xml").unlink()
    table = read(root, options=OPTIONS)
    assert len(table) == 3
    assert any("1 images in" in note.message and "no annotation" in note.message for note in table.notes)
    (root / "Annotations" / "1.xml").write_text("<annotation><object>")
    with pytest.raises(DataError, match="1.xml is not XML"):
        read(root, options=OPTIONS)
    (root / "Annotations" / "1.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><annotation/>')
    with pytest.raises(DataError, match="declares a document type"):
        read(root, options=OPTIONS)


def test_real_bccd(shared_data):
    table = read(shared_data / "bccd" / "bccd.zip", options=DataOptions(target="Platelets"))
    assert (len(table), [name for name in table.columns if name != "image"]) == (364, ["Platelets", "RBC", "WBC"])
    assert [(table.given_parts == part).sum() for part in ("train", "validation", "test")] == [205, 87, 72]
