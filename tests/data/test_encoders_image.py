from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture

from mapsto.data.encoders.image import Image
from mapsto.data.read import read
from mapsto.data.table import Column
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions
from mapsto.testing.tables import make_table


@dataclass
class Lazy:
    """An image that lies in memory, or one that is damaged."""

    pixels: NDArray[np.uint8]
    name: str = "x.png"
    damaged: bool = False

    @property
    def size(self):
        return self.pixels.shape[:2]

    def decode(self, size=None):
        if self.damaged:
            raise DataError(f"{self.name} is damaged.")
        return self.pixels


def lazy_table(images):
    values = np.empty(len(images), dtype=object)
    values[:] = [image if image is None or isinstance(image, Lazy) else Lazy(image) for image in images]
    table = make_table({"image": np.zeros((len(images), 1, 1), np.uint8)})
    return replace(table, columns={"image": Column("image", "image", values)})


def fitted(table, rows=None, **options):
    encoder = Image(["image"], DataOptions(**options))
    notes = encoder.fit(table, np.arange(len(table)) if rows is None else np.asarray(rows))
    return encoder, [note.message for note in notes]


def pixels(*shape, seed=0, high=256):
    return np.random.default_rng(seed).integers(0, high, shape, dtype=np.uint8)


def test_arrays_are_stored_as_they_are_with_channels_first():
    images = pixels(6, 9, 7, 3)
    encoder, notes = fitted(make_table({"image": images}))
    encoded = encoder.encode(make_table({"image": images}))
    assert (encoded.dtype, encoded.shape, notes) == (np.uint8, (6, 3, 9, 7), [])
    np.testing.assert_array_equal(np.moveaxis(encoded, 1, -1), images)


def test_the_standard_scale_gives_mean_zero_and_deviation_one_by_channel():
    images = pixels(40, 8, 8, 3) // np.asarray([1, 2, 4], dtype=np.uint8)
    table = make_table({"image": images})
    encoder, _ = fitted(table, range(30))
    shift, scale = (np.asarray(v)[None, :, None, None] for v in (encoder.spec.shift, encoder.spec.scale))
    scaled = (encoder.encode(table)[:30] - shift) * scale
    np.testing.assert_allclose(scaled.mean(axis=(0, 2, 3)), 0, atol=1e-9)
    np.testing.assert_allclose(scaled.std(axis=(0, 2, 3)), 1, atol=1e-9)


@pytest.mark.parametrize(
    ("scale", "shift", "factor"),
    [("minmax", (0.0,), (1 / 255,)), ("symmetric", (127.5,), (1 / 127.5,)), ("none", (), ())],
)
def test_other_scales_map_0_to_255_to_their_range(scale, shift, factor):
    encoder, _ = fitted(make_table({"image": pixels(4, 6, 6)}), scale=scale)
    assert (encoder.spec.shift, encoder.spec.scale) == (shift, factor)


def test_images_without_contrast_keep_a_finite_scale():
    encoder, _ = fitted(make_table({"image": np.full((4, 6, 6), 9, np.uint8)}))
    assert (encoder.spec.shift, encoder.spec.scale) == ((9.0,), (1.0,))


def test_gray_images_have_one_channel_even_if_stored_as_color():
    gray = np.repeat(pixels(5, 6, 6, 1), 3, axis=-1)
    encoder, _ = fitted(make_table({"image": gray}))
    assert encoder.spec.shape == (1, 6, 6)
    np.testing.assert_array_equal(encoder.encode(make_table({"image": gray}))[:, 0], gray[..., 0])


def test_one_color_image_in_training_makes_all_color_and_one_elsewhere_becomes_gray():
    images = [pixels(6, 6), pixels(6, 6), pixels(6, 6, 3)]
    assert fitted(lazy_table(images))[0].encode(lazy_table(images)).shape == (3, 3, 6, 6)
    assert fitted(lazy_table(images), [0, 1])[0].encode(lazy_table(images)).shape == (3, 1, 6, 6)


def test_transparency_is_left_out():
    images = pixels(4, 6, 6, 4)
    encoded = fitted(make_table({"image": images}))[0].encode(make_table({"image": images}))
    np.testing.assert_array_equal(np.moveaxis(encoded, 1, -1), images[..., :3])


@pytest.mark.parametrize(
    ("low", "high", "note"),
    [
        (0, 1, "Pixels from 0 to 1 are"),
        (-1, 1, "Pixels from -1 to 1 are"),
        (0, 16, "Pixels from 0 to 16 are"),
        (0, 255, ""),
    ],
)
def test_other_numbers_are_brought_to_0_to_255(low, high, note):
    images = np.linspace(low, high, 4 * 36).reshape(4, 6, 6)
    encoder, notes = fitted(make_table({"image": images}))
    encoded = encoder.encode(make_table({"image": images}))
    assert (encoded.min(), encoded.max()) == (0, 255)
    assert [text.startswith(note) for text in notes] == [True] * bool(note)


def test_bytes_for_a_network_that_learned_from_other_numbers_mean_the_same_numbers():
    images = np.tile(np.arange(17.0)[:16].reshape(4, 4), (4, 1, 1))
    encoder, _ = fitted(make_table({"image": images}))
    as_bytes = encoder.encode(make_table({"image": images.astype(np.uint8)}))
    np.testing.assert_array_equal(as_bytes, encoder.encode(make_table({"image": images})))


def test_floats_for_a_network_that_learned_from_bytes_are_refused():
    encoder, _ = fitted(make_table({"image": pixels(4, 6, 6)}))
    np.testing.assert_array_equal(encoder.encode(make_table({"image": np.full((1, 6, 6), 200)})), 200)
    with pytest.raises(DataError, match=r'"image" are of type float64, .* from 0 to 255\. Give them as uint8'):
        encoder.encode(make_table({"image": np.full((1, 6, 6), 0.5)}))


def test_the_most_common_size_is_taken_and_made_smaller():
    images = [pixels(90, 120, 3), pixels(90, 120, 3), pixels(200, 50, 3)]
    encoder, notes = fitted(lazy_table(images))
    assert encoder.spec.shape == (3, 48, 64)
    assert notes[0].startswith("Images are resized to 64 × 48 pixels (width × height; 67 % are 120 × 90).")
    assert encoder.encode(lazy_table(images)).shape == (3, 3, 48, 64)


def test_small_images_are_not_made_larger_unless_asked_for():
    table = make_table({"image": pixels(4, 20, 10)})
    assert fitted(table)[0].spec.shape == (1, 20, 10)
    assert fitted(table, image_size=32)[0].spec.shape == (1, 32, 32)


def test_images_with_masks_keep_their_shape_up_to_96_pixels():
    masks = Column("mask", "mask", np.zeros((2, 180, 240), np.uint8))
    table = make_table({"image": pixels(2, 180, 240)})
    table = replace(table, columns={**table.columns, "mask": masks})
    assert fitted(table)[0].spec.shape == (1, 72, 96)
    assert fitted(table, image_size=120)[0].spec.shape == (1, 90, 120)


def test_shrinking_averages_so_that_fine_patterns_become_gray():
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255
    table = make_table({"image": np.stack([board] * 2).astype(np.uint8)})
    encoded = fitted(table, image_size=16)[0].encode(table)
    assert encoded.std() < 8
    assert encoded.mean() == pytest.approx(127.5, abs=2)


def test_damaged_images_are_passed_over_while_learning_and_named_while_encoding():
    images = [pixels(6, 6), Lazy(pixels(6, 6), "broken.png", damaged=True), pixels(6, 6, seed=1), None]
    encoder, _ = fitted(lazy_table(images))
    assert encoder.spec.shape == (1, 6, 6)
    with pytest.raises(DataError, match=r"broken\.png is damaged"):
        encoder.encode(lazy_table(images))


def test_nothing_but_damaged_images_is_refused_with_the_first_cause():
    images = [Lazy(pixels(6, 6), f"{name}.png", damaged=True) for name in "ab"]
    with pytest.raises(DataError, match=r"None of 2 images looked at can be read: a\.png is damaged"):
        fitted(lazy_table(images))


def test_channels_in_the_wrong_place_are_refused():
    with pytest.raises(DataError, match=r"Images have shape \(3, 32, 32\); .* Put the channels last"):
        fitted(make_table({"image": pixels(4, 3, 32, 32)}))


def test_new_files_of_wide_gray_values_are_divided_as_those_of_training_were(tmp_path):
    def table_of(name, high):
        for row in range(4):
            values = np.linspace(0, high, 64).reshape(8, 8).astype(np.uint16)
            (tmp_path / name / "ab"[row % 2]).mkdir(parents=True, exist_ok=True)
            Picture.fromarray(values).save(tmp_path / name / "ab"[row % 2] / f"{row}.png")
        return read(tmp_path / name, options=DataOptions())

    bright, dark = table_of("bright", 4095), table_of("dark", 1023)
    encoder, _ = fitted(bright)
    again = Image(["image"], DataOptions())
    again.load(encoder.state())
    assert [int(again.encode(table).max()) for table in (bright, dark)] == [255, 63]
    dark_trained, _ = fitted(dark)
    assert [int(dark_trained.encode(table)[0, 0, 7, 7]) for table in (bright, dark)] == [255, 255]
    # A network that was trained before files were asked for their bits goes on as it was.
    again.load({name: value for name, value in encoder.state().items() if name != "bits"})
    assert int(again.encode(bright).max()) == 15
