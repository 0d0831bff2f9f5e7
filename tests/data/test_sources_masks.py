"""Images with masks: pairs are found by name, values are class ids."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mapsto.data.read import read
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

OPTIONS = DataOptions()


def save(path: Path, pixels, mode=None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(pixels, dtype=np.uint8))
    (image.convert(mode) if mode else image).save(path)


def pairs(folder: Path, *names: tuple[str, str], size=(6, 8)) -> Path:
    for row, (image, mask) in enumerate(names):
        save(folder / image, np.full((*size, 3), row))
        save(folder / mask, np.full(size, row % 3))
    return folder


LAYOUTS = {
    "images and masks": ("images/{}.jpg", "masks/{}.png", [""] * 3),
    "images and labels": ("Images/{}.png", "Labels/{}.png", [""] * 3),
    "masks with an ending": ("image/{}.jpg", "mask/{}_mask.png", [""] * 3),
    "as CamVid names them": ("train/{}.png", "train_labels/{}_L.png", ["train"] * 3),
    "parts with annot": ("train/{}.jpg", "trainannot/{}.png", ["train"] * 3),
    "parts below": ("images/val/{}.jpg", "masks/val/{}.png", ["validation"] * 3),
    "parts above": ("set/test/images/{}.jpg", "set/test/masks/{}.png", ["test"] * 3),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("is_zip", [False, True])
def test_layouts(layout, is_zip, tmp_path):
    image, mask, parts = LAYOUTS[layout]
    source = pairs(tmp_path / "road", *((image.format(row), mask.format(row)) for row in range(3)))
    if is_zip:
        source = tmp_path / "road.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for path in (tmp_path / "road").rglob("*.*"):
                archive.write(path, path.relative_to(tmp_path))
    table = read(source, options=OPTIONS)
    assert ([c.kind for c in table.columns.values()], table.target) == (["image", "mask"], "mask")
    assert [int(value.decode().max()) for value in table.columns["mask"].values] == [0, 1, 2]
    given = [""] * 3 if table.given_parts is None else table.given_parts.tolist()
    assert given == parts


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("images/9.png", "images/9.png has no mask."),
        ("masks/9.png", "masks/9.png has no image."),
    ],
)
def test_lonely_images_and_masks_are_left_out_and_named(extra, message, tmp_path):
    pairs(tmp_path, *((f"images/{row}.png", f"masks/{row}.png") for row in range(3)))
    save(tmp_path / extra, np.zeros((6, 8)))
    table = read(tmp_path, options=OPTIONS)
    assert len(table) == 3
    assert (table.notes[0].level, message in table.notes[0].message) == ("warning", True)


def test_many_lonely_images_are_refused(tmp_path):
    pairs(tmp_path, *((f"images/{row}.png", f"masks/{row}.png") for row in range(3)))
    for row in range(7, 10):
        save(tmp_path / f"images/{row}.png", np.zeros((6, 8)))
    with pytest.raises(DataError, match=r"3 of 6 images with masks .* too many to go on .*images/7.png has no mask"):
        read(tmp_path, options=OPTIONS)


def test_two_folders_of_masks_are_refused(tmp_path):
    for masks in ("masks", "labels"):
        pairs(tmp_path, *((f"images/{row}.png", f"{masks}/{row}.png") for row in range(3)))
    with pytest.raises(DataError, match="more than one mask for images/0.png: labels/0.png, masks/0.png"):
        read(tmp_path, options=OPTIONS)


def test_sizes_must_agree(tmp_path):
    pairs(tmp_path, *((f"images/{row}.png", f"masks/{row}.png") for row in range(4)))
    save(tmp_path / "masks/1.png", np.zeros((3, 4)))
    table = read(tmp_path, options=OPTIONS)
    assert table.row_names.tolist() == ["images/0.png", "images/2.png", "images/3.png"]
    assert "images/1.png is 8×6 but masks/1.png is 4×3 pixels" in table.notes[0].message


def test_a_broken_mask_takes_its_image_along(tmp_path):
    pairs(tmp_path, *((f"images/{row}.png", f"masks/{row}.png") for row in range(4)))
    (tmp_path / "masks/1.png").write_bytes(b"junk")
    table = read(tmp_path, options=OPTIONS)
    assert table.row_names.tolist() == ["images/0.png", "images/2.png", "images/3.png"]
    assert "masks/1.png is not an image" in table.notes[0].message


def test_indexes_of_a_palette_are_the_classes(tmp_path):
    pairs(tmp_path, *((f"images/{row}.png", f"masks/{row}.png") for row in range(3)))
    indexed = Image.fromarray(np.full((6, 8), 2, dtype=np.uint8), mode=None).convert("P")
    indexed.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    indexed.save(tmp_path / "masks/0.png")
    assert np.unique(read(tmp_path, options=OPTIONS).columns["mask"].values[0].decode()).tolist() == [2]


def test_masks_in_gray_saved_as_color_are_read(tmp_path):
    pairs(tmp_path, *((f"images/{row}.png", f"masks/{row}.png") for row in range(3)))
    save(tmp_path / "masks/0.png", np.full((6, 8, 3), 7))
    mask = read(tmp_path, options=OPTIONS).columns["mask"].values[0].decode()
    assert (mask.shape, mask.max()) == ((6, 8), 7)


def test_masks_in_colors_are_refused(tmp_path):
    pairs(tmp_path, *((f"images/{row}.png", f"masks/{row}.png") for row in range(3)))
    for row in range(3):
        save(tmp_path / f"masks/{row}.png", np.full((6, 8, 3), (200, 0, row)))
    with pytest.raises(DataError, match="masks/0.png is a mask in colors. A mask must have one channel"):
        read(tmp_path, options=OPTIONS)


def test_folders_without_images_in_both_are_refused(tmp_path):
    save(tmp_path / "images/1.png", np.zeros((6, 8)))
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/1.txt").write_text("0 0.5 0.5 0.1 0.1")
    with pytest.raises(DataError, match="folders for images and masks, but no images in both"):
        read(tmp_path, options=OPTIONS)


def test_real_streets(shared_data):
    table = read(shared_data / "camvid" / "camvid_240x180.zip", options=OPTIONS)
    assert table.given_parts is not None
    assert [int((table.given_parts == part).sum()) for part in ("train", "validation", "test")] == [367, 101, 233]
    image, mask = (table.columns[name].values[5].decode() for name in ("image", "mask"))
    assert (image.shape, mask.shape, mask.max() <= 11) == ((180, 240, 3), (180, 240), True)
