from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mapsto.data.encoders.image import Image
from mapsto.data.encoders.masks import Masks
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions
from mapsto.testing.tables import make_table


def table_of(masks, images=None):
    values = {"mask": np.asarray(masks)}
    if images is not None:
        values = {"image": images, **values}
    return make_table(values, kinds={"mask": "mask"}, target="mask")


def fitted(table, rows=None, **options):
    encoder = Masks(["mask"], DataOptions(**options))
    notes = encoder.fit(table, np.arange(len(table)) if rows is None else np.asarray(rows))
    return encoder, [note.message for note in notes]


def test_values_become_ids_in_their_order():
    table = table_of([[[0, 7], [11, 7]]])
    encoder, notes = fitted(table)
    assert (encoder.spec.names, encoder.spec.ignore, notes) == (("0", "7", "11"), 255, [])
    assert encoder.encode(table).tolist() == [[[0, 1], [2, 1]]]
    assert encoder.encode(table).dtype == np.uint8
    assert encoder.decode(encoder.encode(table)).tolist() == [[[0, 7], [11, 7]]]


def test_the_ignored_class_is_stored_as_255_and_no_class():
    table = table_of([[[0, 1], [1, 11]]])
    encoder, notes = fitted(table, ignore_class=11)
    assert encoder.spec.names == ("0", "1")
    assert encoder.encode(table).tolist() == [[[0, 1], [1, 255]]]
    assert encoder.decode(encoder.encode(table)).tolist() == [[[0, 1], [1, 11]]]
    assert notes == ["25 % of the training pixels have the value 11 and are ignored."]


def test_an_ignored_class_that_no_mask_has_is_warned_of():
    _, notes = fitted(table_of([[[0, 1], [1, 1]]]), ignore_class=11)
    assert notes == ["No training mask has the value 11 (`data.ignore_class`)."]


def test_values_that_training_never_saw_are_ignored_with_a_warning():
    table = table_of([[[0, 1], [1, 1]], [[5, 1], [0, 5]]])
    encoder, notes = fitted(table, [0])
    assert encoder.encode(table)[1].tolist() == [[255, 1], [0, 255]]
    assert notes == ["No training mask has 5, but masks of other parts do; these pixels are ignored."]


def test_masks_get_the_size_of_the_images_without_new_values():
    masks = np.zeros((2, 90, 120), np.uint8)
    masks[:, 30:60, 40:80] = 200
    table = table_of(masks, np.zeros((2, 180, 240, 3), np.uint8))
    image, (encoder, _) = Image(["image"], DataOptions()), fitted(table)
    image.fit(table, np.arange(2))
    encoded = encoder.encode(table)
    assert encoded.shape[1:] == image.spec.shape[1:] == (72, 96)
    assert np.unique(encoded).tolist() == [0, 1]
    assert encoded.mean() == pytest.approx(1 / 9, abs=0.01)


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        (np.zeros((2, 4, 4), np.uint8), "hold one class in the 2 training rows; from 2 to 254 are needed"),
        (np.full((2, 4, 4), 1000), "hold values from 1000 to 1000; class numbers from 0 to 254"),
        (np.arange(96, dtype=np.uint8).reshape(2, 4, 4, 3), "None of 2 images .* are in color"),
    ],
)
def test_what_is_no_mask_is_refused(masks, message):
    with pytest.raises(DataError, match=message):
        fitted(table_of(masks))


def test_a_damaged_mask_that_is_not_for_training_does_not_stop_the_fit():
    masks = np.empty(2, dtype=object)
    masks[:] = [np.asarray([[0, 1], [1, 1]], np.uint8), None]
    table = make_table({"mask": [0, 0]}, kinds={"mask": "mask"}, target="mask")
    table = replace(table, columns={"mask": replace(table.columns["mask"], values=masks)})
    encoder, notes = fitted(table, [0])
    assert (encoder.spec.names, notes) == (("0", "1"), [])
    assert encoder.unusable(table).tolist() == [False, True]
