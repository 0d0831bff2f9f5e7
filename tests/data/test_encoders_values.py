from __future__ import annotations

import numpy as np
import pytest

from mapsto.data.encoders.values import Values
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions
from mapsto.testing.tables import make_table


def fitted(values, rows=None, **options):
    table = make_table({"price": values})
    encoder = Values(["price"], DataOptions(**options))
    encoder.fit(table, np.arange(len(table)) if rows is None else np.asarray(rows))
    return encoder, encoder.encode(table)


@pytest.mark.parametrize("scale", ["standard", "minmax", "none"])
def test_training_values_get_mean_zero_and_deviation_one_whatever_the_scale_of_inputs(scale):
    values = np.random.default_rng(0).normal(2e5, 4e4, 500)
    _, encoded = fitted(values, range(400), scale=scale)
    assert encoded[:400].mean() == pytest.approx(0, abs=1e-6)
    assert encoded[:400].std() == pytest.approx(1, abs=1e-6)


def test_decoding_gives_the_users_unit_back():
    values = [100_000.0, 250_000.0, 500_001.0]
    encoder, encoded = fitted(values)
    assert encoder.decode(encoded).dtype == np.float64
    np.testing.assert_allclose(encoder.decode(encoded), values, rtol=1e-6)


def test_missing_and_infinite_values_are_unusable():
    encoder, encoded = fitted([1.0, 2.0, None, np.inf])
    table = make_table({"price": [1.0, 2.0, None, np.inf]})
    assert encoder.unusable(table).tolist() == [False, False, True, True]
    assert np.isnan(encoded).tolist() == [False, False, True, True]
    assert (encoder.mean, encoder.std) == (1.5, 0.5)


def test_words_among_numbers_are_unusable():
    encoder = Values(["price"], DataOptions())
    assert encoder.unusable(make_table({"price": ["12", "n/a", None]})).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([3, 3, 3], r"is constant: 3 in all of the 3 training rows"),
        ([None, np.inf], r"holds no finite number in the training rows"),
        ([-1.7e308, 1.7e308, 0], r"cannot be standardized: it reaches 1\.7e\+308"),
    ],
)
def test_a_target_that_cannot_be_learned_is_refused(values, message):
    with pytest.raises(DataError, match=f'The target "price" of table {message}'):
        fitted(values)


def test_groups_for_the_split_are_tenths_of_the_ranks():
    values = np.random.default_rng(0).lognormal(size=1000)
    bins = Values(["price"], DataOptions()).strata(make_table({"price": values}))
    assert np.bincount(bins).tolist() == [100] * 10
    assert values[bins == 0].max() < values[bins == 9].min()
