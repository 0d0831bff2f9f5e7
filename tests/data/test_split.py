from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapsto.data.split import split
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions
from mapsto.testing.tables import make_table


def parts_of(rows, groups=None, seed=0, given_parts=None, **options):
    table = make_table({"x": np.arange(rows, dtype=float)}, parts=given_parts)
    strata = None if groups is None else np.asarray(groups, dtype=np.int64)
    return split(table, strata, DataOptions(**options), seed)[0]


def sizes(parts):
    return {part: len(rows) for part, rows in parts.items()}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=3, max_size=120), st.integers(0, 2**31), st.floats(0.01, 0.45))
def test_every_row_is_in_exactly_one_part_and_no_part_is_empty(groups, seed, share):
    parts = parts_of(len(groups), groups, seed, validation_share=share, test_share=share)
    assert sorted(chain.from_iterable(parts.values())) == list(range(len(groups)))
    assert all(len(rows) and (np.diff(rows) > 0).all() and rows.dtype == np.int64 for rows in parts.values())


def test_each_class_has_its_share_in_each_part():
    groups = np.repeat([0, 1, 2], [600, 300, 100])
    for rows, expected in zip(
        parts_of(1000, groups).values(), ([420, 210, 70], [90, 45, 15], [90, 45, 15]), strict=True
    ):
        assert np.bincount(groups[rows]).tolist() == expected


def test_shares_are_right_however_small_the_classes_are():
    parts = parts_of(100, np.arange(100) // 3)
    assert sizes(parts) == {"train": 70, "validation": 15, "test": 15}


def test_a_class_of_one_row_is_trained_on():
    groups = [0] * 50 + [1] + [2]
    assert all({50, 51} <= set(parts_of(52, groups, seed)["train"].tolist()) for seed in range(20))


def test_the_seed_decides_and_the_rows_are_the_same_on_every_machine():
    assert parts_of(20, seed=0)["test"].tolist() == [3, 11, 13]
    assert parts_of(20, seed=1)["test"].tolist() == [2, 9, 16]
    assert parts_of(20, [0, 1] * 10, seed=3)["validation"].tolist() == [1, 11, 14]


def test_given_parts_are_kept():
    given_parts = ["train"] * 6 + ["validation"] * 3 + ["test"] * 2
    parts = parts_of(11, given_parts=given_parts)
    assert {part: rows.tolist() for part, rows in parts.items()} == {
        "train": [0, 1, 2, 3, 4, 5],
        "validation": [6, 7, 8],
        "test": [9, 10],
    }


def test_a_validation_part_that_is_not_given_is_taken_from_training():
    parts = parts_of(150, given_parts=["train"] * 100 + ["test"] * 50)
    assert sizes(parts) == {"train": 85, "validation": 15, "test": 50}
    assert parts["test"].min() == 100


def test_a_test_part_that_is_not_given_is_taken_from_training():
    parts = parts_of(150, given_parts=["validation"] * 50 + ["train"] * 60 + [""] * 40)
    assert sizes(parts) == {"train": 85, "validation": 50, "test": 15}


@pytest.mark.parametrize(("share", "count"), [(0.1, 20), (0.2, 40), (0.4, 80)])
def test_the_shares_are_those_of_the_settings(share, count):
    parts = parts_of(200, validation_share=share, test_share=0.3)
    assert sizes(parts) == {"train": 140 - count, "validation": count, "test": 60}


def test_small_shares_still_give_two_rows():
    assert sizes(parts_of(30, validation_share=0.01, test_share=0.01)) == {"train": 26, "validation": 2, "test": 2}


@pytest.mark.parametrize(
    ("rows", "given_parts", "message"),
    [
        (
            1,
            None,
            "table has one row that can be used; at least 3 are needed, one each for training, validation and test",
        ),
        (2, None, "table has 2 rows that can be used; at least 3 are needed"),
        (3, ["train", "test", "test"], "gives one row for train and 2 rows for test; at least 2 outside"),
        (2, ["validation", "test"], "gives one row for validation and one row for test; at least 1 outside"),
    ],
)
def test_too_few_rows_are_refused(rows, given_parts, message):
    with pytest.raises(DataError, match=message):
        parts_of(rows, given_parts=given_parts)
