from __future__ import annotations

import numpy as np
import pytest

from mapsto.data.encoders.classes import Classes
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions
from mapsto.testing.tables import make_table


def fitted(labels, rows=None):
    table = make_table({"y": labels})
    encoder = Classes(["y"], DataOptions())
    notes = encoder.fit(table, np.arange(len(table)) if rows is None else np.asarray(rows))
    return encoder, encoder.encode(table), [note.message for note in notes]


def test_classes_are_sorted_by_name():
    encoder, ids, notes = fitted(["no", "yes", "no", "yes"])
    assert (encoder.spec.names, ids.tolist(), ids.dtype, notes) == (("no", "yes"), [0, 1, 0, 1], np.int64, [])


def test_classes_that_are_numbers_are_sorted_by_number():
    encoder, ids, _ = fitted(["10", "9", "10", "9"])
    assert (encoder.spec.names, ids.tolist()) == (("9", "10"), [1, 0, 1, 0])
    assert fitted([1.0, 0.0, 1.0, 0.0])[0].spec.names == ("0", "1")


def test_what_training_never_saw_is_unusable_and_encoded_as_minus_one():
    encoder, ids, _ = fitted(["a", "b", "a", "b", "c", None], range(4))
    assert ids.tolist() == [0, 1, 0, 1, -1, -1]
    table = make_table({"y": ["a", "c", None]})
    assert encoder.unusable(table).tolist() == [False, True, True]
    assert Classes(["y"], DataOptions()).unusable(table).tolist() == [False, False, True]


def test_decoding_gives_the_names_back():
    encoder, ids, _ = fitted(["red", "blue", "red", "blue", "green"], range(4))
    assert encoder.decode(ids).tolist() == ["red", "blue", "red", "blue", None]


def test_a_class_with_one_training_row_is_warned_of():
    _, _, notes = fitted(["a", "a", "b"])
    assert notes == ["One class has only one training row: b. A network can hardly learn them."]


@pytest.mark.parametrize(("labels", "found"), [(["a", "a"], r"has one class in the 2 training rows \(a\)")])
def test_one_class_is_refused(labels, found):
    with pytest.raises(DataError, match=found):
        fitted(labels)


def test_groups_for_the_split_do_not_depend_on_the_order_of_rows():
    encoder = Classes(["y"], DataOptions())
    assert encoder.strata(make_table({"y": ["b", "a", "b"]})).tolist() == [1, 0, 1]
    assert encoder.strata(make_table({"y": ["a", "b", "b"]})).tolist() == [0, 1, 1]
