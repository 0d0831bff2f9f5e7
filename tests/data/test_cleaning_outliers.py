"""Numbers far from the others: kept, held within bounds, or their rows left out of training."""

from __future__ import annotations

import numpy as np
import pytest

from mapsto.data.encoders.features import Features
from mapsto.data.prepare import prepare
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions
from mapsto.tasks.tabular_regression import TabularRegression
from mapsto.testing.tables import make_table

VALUES = np.append(np.arange(101.0), [-1e6, 1e6])  # quartiles 25 and 75 over the first 101


def encoded(values, rows, **options):
    table = make_table({"a": values})
    encoder = Features(["a"], DataOptions(scale="none", **options))
    encoder.fit(table, np.asarray(rows))
    return encoder.encode(table)[:, 0]


def test_clip_holds_numbers_within_inter_quartile_ranges_of_training():
    found = encoded(VALUES, range(101), outliers="clip", outlier_limit=2.0)
    assert found[:101].tolist() == VALUES[:101].tolist()
    assert found[101:].tolist() == [25 - 100, 75 + 100]


def test_winsorize_moves_its_share_at_each_end():
    found = encoded(VALUES, range(101), outliers="winsorize", winsorize_share=0.1)
    assert (found.min(), found.max()) == (10, 90)
    assert (found != VALUES).sum() == 10 + 10 + 2


def test_keep_keeps():
    assert encoded(VALUES, range(103), outliers="keep").tolist() == VALUES.astype(np.float32).tolist()


@pytest.mark.parametrize("outliers", ["clip", "winsorize"])
def test_a_column_that_is_mostly_one_value_is_not_made_constant(outliers):
    found = encoded(np.asarray([0.0] * 200 + [5.0]), range(201), outliers=outliers)
    assert found.max() == 5


def test_bounds_come_before_the_scale():
    values = np.append(np.random.default_rng(0).normal(size=500), 1e9)
    table = make_table({"a": values})
    encoder = Features(["a"], DataOptions(outliers="clip"))
    encoder.fit(table, np.arange(501))
    assert encoder.encode(table)[:500].std() == pytest.approx(1, abs=0.1)


def prepared(tmp_path, values, **options):
    rng = np.random.default_rng(1)
    table = make_table({"a": values, "b": rng.normal(size=len(values)), "y": rng.normal(size=len(values))}, target="y")
    return prepare(table, task=TabularRegression(), recipe_data=DataOptions(**options), seed=0, folder=tmp_path)


def test_drop_leaves_rows_out_of_training_alone(tmp_path):
    values = np.random.default_rng(0).normal(size=400)
    values[::40] = 1e6
    far = set(range(0, 400, 40))
    kept, dropped = (prepared(tmp_path, values, outliers=o, outlier_limit=5.0) for o in ("keep", "drop"))
    in_training = far & set(kept.parts["train"].tolist())
    assert in_training
    assert set(dropped.parts["train"].tolist()) == set(kept.parts["train"].tolist()) - in_training
    for part in ("validation", "test"):
        assert dropped.parts[part].tolist() == kept.parts[part].tolist()
    assert dropped.facts.part_counts["train"] == len(dropped.parts["train"])
    count = len(kept.parts["train"])
    message = f"{len(in_training)} rows of {count} with an outlier left out of training (`data.outliers`)."
    assert message in [note.message for note in dropped.notes]
    scale = dropped.preprocessing.encoders["inputs"].state()["numbers"]["scales"]
    assert abs(scale["shift"][0]) < 1  # learned without them


def test_drop_refuses_to_leave_nearly_nothing(tmp_path):
    with pytest.raises(DataError, match=r"have an outlier, so `data.outliers: drop` would leave too few"):
        prepared(tmp_path, np.random.default_rng(0).normal(size=400), outliers="drop", outlier_limit=0.0)
