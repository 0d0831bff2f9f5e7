"""Every encoder that the folder holds keeps the contract of the family."""

from __future__ import annotations

import numpy as np
import pytest

from mapsto.data.encoders.features import Features
from mapsto.recipe.families import ENCODERS
from mapsto.recipe.schema import DataOptions
from mapsto.testing.encoders import TRAINING, check_encoder, sample_table

SETTINGS = [
    {},
    {"scale": "minmax", "missing": "mean"},
    {"scale": "symmetric", "missing": "constant", "image_size": 8},
    {"missing": "knn", "outliers": "clip", "numbers": "piecewise_linear", "categories": "embedding"},
    {"missing": "iterative", "outliers": "winsorize", "categories": "hashing"},
    {"scale": "none", "max_levels": 2, "max_length": 3, "vocabulary_size": 4, "ignore_class": 2},
]


@pytest.mark.parametrize("name", ENCODERS.names())
@pytest.mark.parametrize("settings", SETTINGS)
def test_every_encoder_keeps_the_contract(name, settings):
    check_encoder(ENCODERS.get(name), **settings)


class PeekingFeatures(Features):
    """Scales with statistics of all rows, as a careless encoder would."""

    def fit(self, table, rows):
        return super().fit(table, np.arange(len(table)))


def test_the_suite_catches_statistics_of_rows_that_are_not_for_training():
    with pytest.raises(AssertionError, match="it learned from rows that are not for training"):
        check_encoder(PeekingFeatures)


def test_the_suite_catches_numbers_that_depend_on_the_rows_beside():
    class Ranks(Features):
        def encode(self, table):
            ranks = table.columns[self.columns[0]].values.argsort().argsort()
            return np.repeat(ranks.astype(np.float32)[:, np.newaxis], self.spec.shape[0], axis=1)

    with pytest.raises(AssertionError, match="a row's numbers depend on the order of rows"):
        check_encoder(Ranks)


@pytest.mark.parametrize("name", ENCODERS.names())
def test_fitting_twice_is_fitting_once(name):
    encoder = ENCODERS.get(name)
    table, once = sample_table(), encoder([encoder.kinds[0]], DataOptions())
    once.fit(table, TRAINING)
    state, spec = once.state(), once.spec
    once.fit(table, TRAINING)
    assert (once.state(), once.spec) == (state, spec)
    assert spec.encoder == name  # by this name a saved model finds it again
