"""Real tables, as people publish them."""

from __future__ import annotations

import numpy as np
import pytest

from mapsto.data.read import read
from mapsto.recipe.schema import DataOptions

SETS = {
    "titanic": ("Survived", 891, "category", {"PassengerId": "ignore", "Name": "ignore", "Age": "numeric"}),
    "adult": ("income", 48_842, "category", {"workclass": "category", "split": "ignore", "age": "numeric"}),
    "california_housing": ("median_house_value", 20_640, "numeric", {"ocean_proximity": "category"}),
    "telco_churn": ("Churn", 7043, "category", {"customerID": "ignore", "TotalCharges": "numeric"}),
    "german_credit": ("credit_risk", 1000, "category", {"checking_status": "category", "age": "numeric"}),
    "winequality_white": ("quality", 4898, "category", {"ph": "numeric"}),
    "auto_mpg": ("mpg", 398, "numeric", {"horsepower": "numeric", "origin": "category"}),
}


@pytest.mark.parametrize("name", SETS)
def test_kinds_are_those_that_the_set_is_published_with(name, shared_data):
    target, rows, kind, kinds = SETS[name]
    table = read(shared_data / "tabular" / f"{name}.csv.gz", options=DataOptions(target=target))
    assert (len(table), table.columns[target].kind) == (rows, kind)
    assert {column: table.columns[column].kind for column in kinds} == kinds


def test_missing_cells_are_counted_right(shared_data):
    adult = read(shared_data / "tabular" / "adult.csv.gz", options=DataOptions(target="income"))
    missing = sum(value is None for name in ("workclass", "occupation") for value in adult.columns[name].values)
    missing += sum(value is None for value in adult.columns["native_country"].values)
    telco = read(shared_data / "tabular" / "telco_churn.csv.gz", options=DataOptions(target="Churn"))
    assert (missing, int(np.isnan(telco.columns["TotalCharges"].values).sum())) == (6465, 11)


def test_parts_of_adult_and_imdb_are_their_own(shared_data):
    adult = read(shared_data / "tabular" / "adult.csv.gz", options=DataOptions(target="income"))
    imdb = read(shared_data / "imdb" / "imdb_9k.csv.gz", options=DataOptions())
    for table, train, test in ((adult, 32_561, 16_281), (imdb, 5995, 2998)):
        assert table.given_parts is not None
        assert ((table.given_parts == "train").sum(), (table.given_parts == "test").sum()) == (train, test)
    assert (imdb.target, imdb.columns["text"].kind, imdb.columns["label"].kind) == ("label", "text", "category")
