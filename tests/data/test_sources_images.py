"""Images in a folder for each class: layouts, damage, bounds and decoding."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mapsto.data.images import ImageFile
from mapsto.data.read import read
from mapsto.data.trees import ZipTree
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

OPTIONS = DataOptions()


def save(path: Path, pixels=None, **how) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(str(path))).integers(0, 255, (9, 7, 3)) if pixels is None else pixels
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(path, **how)
    return path


def folder_of(folder: Path, *names: str) -> Path:
    for name in names:
        save(folder / name)
    return folder


def two_classes(folder: Path, count: int = 6, suffix: str = ".png") -> Path:
    return folder_of(folder, *(f"{name}/{row}{suffix}" for name in ("cat", "dog") for row in range(count)))


def zipped(folder: Path, wrapper: str = "") -> Path:
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*.*")):
            file.write(path, wrapper + str(path.relative_to(folder)))
    return archive


def decoded(table, row: int = 0):
    return table.columns["image"].values[row].decode()


def classes(table):
    return table.columns["class"].values.tolist()


def test_a_folder_for_each_class(tmp_path):
    table = read(two_classes(tmp_path / "pets", 2), options=OPTIONS)
    assert (table.name, table.target, table.given_parts) == ("pets", "class", None)
    assert classes(table) == ["cat", "cat", "dog", "dog"]
    assert table.row_names.tolist() == ["cat/0.png", "cat/1.png", "dog/0.png", "dog/1.png"]
    with Image.open(tmp_path / "pets/cat/1.png") as image:
        np.testing.assert_array_equal(decoded(table, 1), np.asarray(image))


@pytest.mark.parametrize("wrapper", ["", "pets/", "a/b/"])
def test_an_archive_reads_as_its_folder_whatever_wraps_it(wrapper, tmp_path):
    folder = two_classes(tmp_path / "pets")
    table, whole = read(zipped(folder, wrapper), options=OPTIONS), read(folder, options=OPTIONS)
    assert classes(table) == classes(whole)
    np.testing.assert_array_equal(decoded(table, 7), decoded(whole, 7))


@pytest.mark.parametrize("word", ["val", "valid", "Validation", "dev"])
def test_folders_of_parts_give_the_parts(word, tmp_path):
    names = [f"{part}/{name}/1.png" for part in ("train", word, "test") for name in ("cat", "dog")]
    table = read(folder_of(tmp_path, *names), options=OPTIONS)
    assert table.given_parts is not None
    parts = dict(zip(table.row_names.tolist(), table.given_parts.tolist(), strict=True))
    assert [parts[name] for name in names] == ["train"] * 2 + ["validation"] * 2 + ["test"] * 2
    assert set(classes(table)) == {"cat", "dog"}


def test_classes_called_as_parts_are_classes_without_train(tmp_path):
    table = read(folder_of(tmp_path, "test/1.png", "test/2.png", "other/1.png"), options=OPTIONS)
    assert (classes(table), table.given_parts) == (["other", "test", "test"], None)


def test_deeper_folders_belong_to_their_class(tmp_path):
    table = read(folder_of(tmp_path, "cat/2020/1.png", "cat/1.png", "dog/2021/x/1.png"), options=OPTIONS)
    assert classes(table) == ["cat", "cat", "dog"]


def test_images_outside_of_classes_are_left_out_with_a_warning(tmp_path):
    folder_of(tmp_path, "train/cat/1.png", "train/cat/2.png", "train/dog/1.png", "test/7.png")
    table = read(tmp_path, options=OPTIONS)
    assert len(table) == 3
    assert "1 images lie in no class's folder and were left out: test/7.png" in table.notes[0].message


def test_hidden_files_and_other_files_are_passed_over(tmp_path):
    two_classes(tmp_path)
    (tmp_path / "cat/.DS_Store").write_text("junk")
    (tmp_path / "cat/._0.png").write_text("junk")
    (tmp_path / "notes.txt").write_text("notes")
    assert len(read(tmp_path, options=OPTIONS)) == 12


def test_a_link_to_its_own_folder_is_followed_once(tmp_path):
    two_classes(tmp_path)
    (tmp_path / "cat/loop").symlink_to(tmp_path, target_is_directory=True)
    assert len(read(tmp_path, options=OPTIONS)) == 12


def cut(path: Path):
    path.write_bytes(path.read_bytes()[:-40])


DAMAGE = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("this is no image"),
    "cut": cut,
}


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_broken_image_is_left_out_with_a_warning(suffix, damage, tmp_path):
    two_classes(tmp_path, 6, suffix)
    DAMAGE[damage](tmp_path / f"dog/3{suffix}")
    table = read(tmp_path, options=OPTIONS)
    (note,) = table.notes
    assert (len(table), note.level) == (11, "warning")
    assert f"1 of 12 images in {tmp_path.name} cannot be read and were left out: dog/3{suffix} is " in note.message


def test_a_bit_that_flipped_is_found_in_a_png(tmp_path):
    path = two_classes(tmp_path) / "dog/3.png"
    data = bytearray(path.read_bytes())
    data[60] ^= 1
    path.write_bytes(data)
    assert len(read(tmp_path, options=OPTIONS)) == 11


def test_many_broken_images_are_an_error(tmp_path):
    two_classes(tmp_path)
    for name in ("cat/1.png", "dog/3.png"):
        cut(tmp_path / name)
    with pytest.raises(DataError, match="2 of 12 images .* too many to go on without them: cat/1.png is damaged"):
        read(tmp_path, options=OPTIONS)


def test_an_image_over_the_bound_is_not_decoded(tmp_path, monkeypatch):
    save(two_classes(tmp_path) / "dog/3.png", np.zeros((60, 60)))
    monkeypatch.setattr("mapsto.data.images.MAX_PIXELS", 3000)
    assert "dog/3.png has more than" in read(tmp_path, options=OPTIONS).notes[0].message


def test_a_bomb_among_images_is_refused_by_its_header(tmp_path):
    two_classes(tmp_path)
    Image.new("1", (20_000, 10_000)).save(tmp_path / "dog/3.png")
    message = read(tmp_path, options=OPTIONS).notes[0].message
    assert "dog/3.png has more than 100 megapixels, which is more than is read." in message


def test_an_archive_of_too_many_files_is_refused(tmp_path, monkeypatch):
    archive = zipped(two_classes(tmp_path / "pets"))
    monkeypatch.setattr("mapsto.data.trees.MAX_FILES", 11)
    with pytest.raises(DataError, match="holds 12 files; at most 11 are read"):
        read(archive, options=OPTIONS)
    with pytest.raises(DataError, match="holds more than 11 files"):
        read(tmp_path / "pets", options=OPTIONS)


def test_a_file_of_too_many_bytes_is_left_out(tmp_path, monkeypatch):
    archive = zipped(two_classes(tmp_path / "pets"))
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("dog/bomb.png", bytes(2**21))
    monkeypatch.setattr("mapsto.data.trees.MAX_FILE_BYTES", 2**20)
    assert "dog/bomb.png has 2 MiB uncompressed" in read(archive, options=OPTIONS).notes[0].message


def test_members_that_lead_out_of_an_archive_are_left_out(tmp_path):
    archive = zipped(two_classes(tmp_path / "pets"))
    with zipfile.ZipFile(archive, "a") as file:
        for name in ("../evil.png", "/evil.png", "cat/../../evil.png", "C:/evil.png"):
            file.writestr(name, b"x")
    table = read(archive, options=OPTIONS)
    assert len(table) == 12
    assert "4 files in pets.zip have names that lead out of it" in table.notes[0].message
    assert not list(tmp_path.rglob("evil*"))


def test_a_damaged_member_of_an_archive_is_left_out(tmp_path):
    archive = zipped(two_classes(tmp_path / "pets"))
    data = bytearray(archive.read_bytes())
    data[60] ^= 1
    archive.write_bytes(data)
    assert "cat/0.png in " in read(archive, options=OPTIONS).notes[0].message


def test_all_gray_is_gray(tmp_path):
    two_classes(tmp_path)
    for path in tmp_path.rglob("*.png"):
        save(path, np.full((9, 7), 40))
    assert decoded(read(tmp_path, options=OPTIONS)).shape == (9, 7)


def test_gray_among_color_becomes_color(tmp_path):
    save(two_classes(tmp_path) / "cat/0.png", np.full((9, 7), 40))
    pixels = decoded(read(tmp_path, options=OPTIONS))
    assert (pixels.shape, pixels.min(), pixels.max()) == ((9, 7, 3), 40, 40)


def test_exif_rotation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side: turn clockwise to see
    pixels = np.zeros((8, 16, 3))
    pixels[:, :8] = 255
    save(two_classes(tmp_path, suffix=".jpg") / "cat/0.jpg", pixels, exif=exif, quality=95)
    image = read(tmp_path, options=OPTIONS).columns["image"].values[0]
    turned = image.decode()
    assert (image.size, turned.shape) == ((16, 8), (16, 8, 3))
    assert turned[:6].min() > 240 > 15 > turned[-6:].max()


def test_transparent_pixels_are_white(tmp_path):
    save(two_classes(tmp_path) / "cat/0.png", np.zeros((9, 7, 4)))
    assert decoded(read(tmp_path, options=OPTIONS)).min() == 255


def test_sixteen_bits_are_brought_to_eight(tmp_path):
    two_classes(tmp_path)
    Image.fromarray(np.full((9, 7), 0x8000, dtype=np.uint16)).save(tmp_path / "cat/0.png")
    assert np.unique(decoded(read(tmp_path, options=OPTIONS))).tolist() == [128]


def test_palettes_become_their_colors(tmp_path):
    two_classes(tmp_path)
    with Image.open(tmp_path / "cat/0.png") as image:
        image.convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "cat/0.png")
    assert decoded(read(tmp_path, options=OPTIONS)).shape == (9, 7, 3)


def test_class_names_can_be_numbers_to_predict(tmp_path):
    folder_of(tmp_path, *(f"{age}/{row}.png" for age in (1, 2, 30) for row in range(3)))
    table = read(tmp_path, options=DataOptions(columns={"class": "numeric"}))
    assert table.columns["class"].values.tolist() == [1.0] * 3 + [2.0] * 3 + [30.0] * 3


def test_to_predict_images_lie_anywhere(tmp_path):
    table = read(folder_of(tmp_path, "1.png", "more/2.png"), options=OPTIONS, target_needed=False)
    assert (list(table.columns), table.target, len(table)) == (["image"], None, 2)


def test_to_predict_one_image_is_enough(tmp_path):
    table = read(save(tmp_path / "1.png"), options=OPTIONS, target_needed=False)
    assert (table.row_names.tolist(), decoded(table).shape) == (["1.png"], (9, 7, 3))


def test_a_folder_of_tables_names_them(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n")
    with pytest.raises(DataError, match=r"Files in it: 1 of .csv. To read a table, name the file itself: .*/a.csv"):
        read(tmp_path, options=OPTIONS)


def test_an_image_that_was_taken_away_is_an_error(tmp_path):
    table = read(two_classes(tmp_path), options=OPTIONS)
    (tmp_path / "cat/0.png").unlink()
    with pytest.raises(DataError, match="cat/0.png cannot be read"):
        decoded(table)


def test_images_of_an_archive_can_be_sent_to_another_process(tmp_path):
    archive = zipped(two_classes(tmp_path / "pets"))
    image = read(archive, options=OPTIONS).columns["image"].values[3]
    copy = pickle.loads(pickle.dumps(image))
    assert isinstance(copy, ImageFile)
    assert isinstance(copy.tree, ZipTree)
    np.testing.assert_array_equal(copy.decode(), image.decode())


def test_real_photographs(shared_data):
    table = read(shared_data / "clothing10" / "clothing10.zip", options=OPTIONS)
    assert table.given_parts is not None
    counts = [int((table.given_parts == part).sum()) for part in ("train", "validation", "test")]
    assert (counts, len(set(classes(table)))) == ([3068, 341, 372], 10)
    assert decoded(table).shape == (*table.columns["image"].values[0].size, 3)


def wide(path: Path, pixels) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, dtype=np.uint16)).save(path)
    return path


def ramp(high: int):
    return np.linspace(0, high, 64).reshape(8, 8)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_gray_values_of_more_than_8_bits_keep_their_contrast(tmp_path, bits, suffix):
    for name in ("cat/0", "cat/1", "dog/0", "dog/1"):
        wide(tmp_path / f"pets/{name}{suffix}", ramp(2**bits - 1))
    table = read(tmp_path / "pets", options=OPTIONS)
    expected = ramp(2**bits - 1).astype(np.uint16) >> (bits - 8)
    np.testing.assert_array_equal(decoded(table), expected)
    assert expected.max() == 255


def test_all_wide_images_of_a_set_are_brought_to_8_bits_by_one_factor(tmp_path, monkeypatch):
    wide(tmp_path / "pets/cat/0.png", ramp(4095))
    wide(tmp_path / "pets/dog/0.png", ramp(1023))
    save(tmp_path / "pets/dog/1.png", ramp(200))
    for looked_into in (100_000, 1):
        monkeypatch.setattr("mapsto.data.images.LOOKED_INTO", looked_into)
        table = read(tmp_path / "pets", options=OPTIONS)
        assert [decoded(table, row).max() for row in range(3)] == [255, 63, 200]


def test_frames_and_pages_after_the_first_are_noted_once(tmp_path, monkeypatch):
    pages = [Image.fromarray(np.full((6, 6), value, np.uint8)) for value in (9, 90)]
    for name in ("cat/0.gif", "cat/1.tif", "dog/0.png", "dog/1.webp"):
        folder_of(tmp_path / "pets", f"{name[:3]}/single{name[-4:]}" if name[-1] != "p" else "dog/single.png")
        pages[0].save(tmp_path / "pets" / name, save_all=True, append_images=pages[1:], lossless=True)
    for looked_into in (100_000, 1):
        monkeypatch.setattr("mapsto.data.images.LOOKED_INTO", looked_into)
        table = read(tmp_path / "pets", options=OPTIONS)
        (note,) = [note for note in table.notes if "frame" in note.message]
        assert note.message == "4 images with more than one frame or page; the first alone is read."
        assert note.details == ("cat/0.gif", "cat/1.tif", "dog/0.png", "dog/1.webp")
        first = table.row_names.tolist().index("cat/1.tif")
        assert decoded(table, first).max() == 9
