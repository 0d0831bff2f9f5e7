"""Nothing but training rows is learned from: absurd rows planted in validation and test change no statistic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mapsto.data.encoders.features import Features
from mapsto.data.prepare import prepare
from mapsto.data.preprocessing import Preprocessing
from mapsto.data.table import Column
from mapsto.recipe.families import IMPUTERS, LEVELS, OUTLIERS, SCALERS
from mapsto.recipe.schema import DataOptions
from mapsto.tasks.tabular_classification import TabularClassification
from mapsto.tasks.tabular_regression import TabularRegression
from mapsto.testing.tables import make_table

ROWS = 200
PARTS = np.asarray((["train"] * 6 + ["validation", "test"]) * (ROWS // 8))
TRAINING = np.flatnonzero(PARTS == "train")
OTHERS = np.flatnonzero(PARTS != "train")

# Members that learn nothing from the rows, so that no row can leak into them.
FREE = {"scale": {"none"}, "missing": {"constant"}, "outliers": {"keep", "drop"}, "categories": set()}
OPTIONS = [
    *[{"scale": name} for name in SCALERS.names()],
    *[{"missing": name} for name in IMPUTERS.names()],
    *[{"outliers": name, "scale": "none", "missing": "constant"} for name in OUTLIERS.names()],
    *[{"categories": name} for name in LEVELS.names()],
    {"numbers": "piecewise_linear"},
    {"missing_indicator": False},
]


def honest(target="classes"):
    """A table in which rows that are not for training are like the others."""
    rng = np.random.default_rng(5)
    number = rng.normal(10, 2, ROWS)
    other = number + rng.normal(0, 1, ROWS)
    number[3::16] = np.nan  # in training rows and others
    city = np.asarray(["Ulm", "Bonn", "Jena"], dtype=object)[rng.integers(0, 3, ROWS)]
    values = {"number": number, "other": other, "city": city}
    values["y"] = np.where(other > 10, "yes", "no").astype(object) if target == "classes" else other * 2
    table = make_table(values, target="y", parts=PARTS.tolist())
    day = np.datetime64("2024-03-04", "ns") + rng.integers(0, 4, ROWS) * np.timedelta64(7, "D")  # Mondays in March
    return replace(table, columns={**table.columns, "day": Column("day", "date", day)})


def planted(table):
    """The same, with absurd values in every row that is not for training: numbers, levels, dates and targets."""
    columns = dict(table.columns)
    values = {name: column.values.copy() for name, column in columns.items()}
    values["number"][OTHERS] = np.geomspace(1e3, 1e9, len(OTHERS))
    values["other"][OTHERS] = -np.geomspace(1e3, 1e9, len(OTHERS))
    values["city"][OTHERS] = [f"planted {row % 7}" if row % 3 else None for row in OTHERS]
    values["day"][OTHERS] = np.datetime64("1999-01-01", "ns") + OTHERS * np.timedelta64(3700, "m")
    if columns["y"].kind == "category":
        values["y"][OTHERS] = "yes"
    else:
        values["y"][OTHERS] = 1e6
    return replace(table, columns={name: replace(c, values=values[name]) for name, c in columns.items()})


def learned(table, rows, options):
    encoder = Features(("number", "other", "city", "day"), DataOptions(**options))
    encoder.fit(table, rows)
    return encoder


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("target", ["classes", "numbers"])
def test_planted_rows_change_nothing_that_is_learned(options, target):
    table, with_leak = honest(target), planted(honest(target))
    encoder, suspect = learned(table, TRAINING, options), learned(with_leak, TRAINING, options)
    assert suspect.state() == encoder.state()
    assert suspect.spec == encoder.spec
    assert suspect.encode_rows(with_leak, TRAINING).tobytes() == encoder.encode_rows(table, TRAINING).tobytes()
    # And they would, if they were learned from: each statistic, not only some.
    careless, all_rows = learned(with_leak, np.arange(ROWS), options).state(), encoder.state()
    assert careless["dates"] != all_rows["dates"]
    if "categories" in options:
        assert careless["categories"] != all_rows["categories"]
    for setting, fact in (("scale", "scales"), ("missing", "fills"), ("outliers", "bounds")):
        if setting in options and options[setting] not in FREE[setting]:
            assert careless["numbers"][fact] != all_rows["numbers"][fact]
    if "numbers" in options:
        assert careless["numbers"]["edges"] != all_rows["numbers"]["edges"]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_prepared_data_of_training_rows_know_nothing_of_others(options, tmp_path):
    tables = {"honest": honest(), "planted": planted(honest())}
    tables["planted"] = replace(tables["planted"], fingerprint="another")
    made = {}
    for name, table in tables.items():
        settings = DataOptions(**{"missing_indicator": True} | options)
        made[name] = prepare(table, task=TabularClassification(), recipe_data=settings, seed=1, folder=tmp_path / name)
    first, second = made.values()
    if options.get("missing") == "drop":  # planted rows are complete, so that the tables differ in length
        assert len(first.parts["train"]) == len(second.parts["train"])
    else:
        assert first.parts["train"].tolist() == second.parts["train"].tolist()
    inputs = [one.arrays["inputs"][one.parts["train"]] for one in (first, second)]
    assert inputs[0].tobytes() == inputs[1].tobytes()
    assert state(first.preprocessing) == state(second.preprocessing)


def state(preprocessing: Preprocessing):
    return preprocessing.to_json()["streams"]


def test_rows_left_out_for_outliers_are_told_by_training_rows_alone():
    table, with_leak = honest("numbers"), planted(honest("numbers"))
    options = DataOptions(outliers="drop", outlier_limit=0.8)
    found = [Features(("number", "other"), options).outlying(one, TRAINING) for one in (table, with_leak)]
    assert found[0].any()
    assert found[0].tolist() == found[1].tolist()


def test_a_training_row_does_not_see_its_own_target(tmp_path):
    """A level a row: what is encoded of a training row may not tell its target, in the arrays that are trained on."""
    rng = np.random.default_rng(0)
    target = rng.normal(size=400)
    levels = [f"k{row // 2}" for row in range(400)]  # two rows a level, whose targets have nothing in common
    table = make_table({"level": levels, "noise": rng.normal(size=400), "y": target}, target="y")
    options = DataOptions(categories="target", target_smoothing=0.0)
    made = prepare(table, task=TabularRegression(), recipe_data=options, seed=0, folder=tmp_path)
    place = made.specs["inputs"].names.index("mean target of level")
    rows = made.parts["train"]
    assert abs(np.corrcoef(made.arrays["inputs"][rows, place], target[rows])[0, 1]) < 0.2
    whole = made.preprocessing.encode(table, ["inputs"])["inputs"][rows, place]
    assert np.corrcoef(whole, target[rows])[0, 1] > 0.4  # which is what a careless encoding would train on
