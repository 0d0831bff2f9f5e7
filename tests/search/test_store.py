"""Prepared data are shared by trials, and only as many are held as fit."""

import numpy as np
import pytest

from mapsto.data.read import read
from mapsto.recipe.schema import DataOptions
from mapsto.recipe.space import Space
from mapsto.search import store as stores
from mapsto.search.run import Run

TOLD: list = []
"""What the stores of this file said."""

TASK = ["task.name=tabular_classification", "data.target=y", "data.num_folds=4"]


@pytest.fixture
def store(tmp_path):
    rng = np.random.default_rng(0)
    table = read({"x": rng.normal(size=80), "y": ["a", "b"] * 40}, options=DataOptions(target="y"))
    run = Run.create(tmp_path / "run")
    yield stores.DataStore(run, lambda: table, "cpu", TOLD.append)
    run.close()


def on_fold(fold):
    return Space.from_settings([*TASK, f"data.fold={fold}"]).recipe({})


def test_each_fold_is_prepared_once_and_shared(store):
    first = store.get(on_fold(0))
    assert store.get(on_fold(0))[1] is first[1]
    others = [store.get(on_fold(fold))[0] for fold in (1, 2, 3)]
    assert len({data.folder for data in (first[0], *others)}) == 4
    assert store.get(on_fold(0))[1] is first[1]


def test_what_was_not_used_for_longest_is_let_go_where_not_all_fit(store, monkeypatch):
    first, second = (store.get(on_fold(fold)) for fold in (0, 1))
    size = sum(array.nbytes for array in first[0].arrays.values())
    monkeypatch.setattr(stores, "IN_MEMORY_BYTES", 2 * size)
    store.get(on_fold(0))
    third = store.get(on_fold(2))
    assert store.get(on_fold(0))[1] is first[1]
    assert store.get(on_fold(2))[1] is third[1]
    again = store.get(on_fold(1))
    assert again[1] is not second[1]
    assert again[0].folder == second[0].folder


def test_preparing_that_takes_long_says_how_far_it_is(store, monkeypatch):
    monkeypatch.setattr(stores, "TELL_SECONDS", 0.0)
    TOLD.clear()
    store.get(on_fold(2))
    assert TOLD[-1].message == "preparing the data: 80 of 80 rows"
    assert {progress.phase for progress in TOLD} == {"prepare"}
