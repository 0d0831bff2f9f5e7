from __future__ import annotations

import json

import numpy as np
import pytest

from mapsto.data.encoders.features import Features
from mapsto.data.encoders.values import Values
from mapsto.data.preprocessing import Preprocessing
from mapsto.errors import RunError
from mapsto.recipe.schema import DataOptions
from mapsto.testing.tables import make_table

OPTIONS = DataOptions(scale="symmetric", max_levels=2, columns={"old": "ignore"})


@pytest.fixture
def fitted():
    table = make_table(
        {"age": [1, 2, None, 9], "sex": ["m", "f", "f", None], "price": [10, 20, 30, 45]}, target="price"
    )
    encoders = {"inputs": Features(["age", "sex"], OPTIONS), "targets": Values(["price"], OPTIONS)}
    for encoder in encoders.values():
        encoder.fit(table, np.arange(4))
    return Preprocessing(encoders, OPTIONS, {"age": "numeric", "sex": "category", "price": "numeric"}), table


def test_it_survives_json_with_the_same_numbers_and_settings(fitted):
    before, table = fitted
    after = Preprocessing.from_json(json.loads(json.dumps(before.to_json())))
    assert (after.options, after.kinds, after.specs) == (OPTIONS, before.kinds, before.specs)
    for stream, array in before.encode(table, ["inputs", "targets"]).items():
        assert after.encode(table, [stream])[stream].tobytes() == array.tobytes()


def test_a_table_without_a_target_is_enough_to_predict(fitted):
    preprocessing, _ = fitted
    arrays = preprocessing.encode(make_table({"age": [4], "sex": ["x"]}))
    assert list(arrays) == ["inputs"]
    assert arrays["inputs"].shape == (1, *preprocessing.specs["inputs"].shape)


def test_new_data_are_read_with_the_kinds_of_training(fitted):
    columns = fitted[0].reading_options.columns
    assert columns == {"old": "ignore", "age": "numeric", "sex": "category", "price": "numeric"}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"version": 99}, "saved in format 99; this version of mapsto reads format 1"),
        ({"streams": {"inputs": {"encoder": "features"}}}, "The preprocessing is damaged"),
        ({"streams": {"inputs": {"encoder": "feature", "columns": [], "state": {}}}}, 'Did you mean "features"'),
        ({"options": {"scale": "huge"}}, "The preprocessing is damaged"),
    ],
)
def test_what_cannot_be_loaded_is_refused(fitted, damage, message):
    with pytest.raises(RunError, match=message):
        Preprocessing.from_json({**fitted[0].to_json(), **damage})
