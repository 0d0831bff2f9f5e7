"""Every scaler: what it does to numbers, beside scikit-learn where it has one."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.stats import kurtosis, skew
from sklearn.preprocessing import PowerTransformer, QuantileTransformer, RobustScaler

from mapsto.data.cleaning.scalers.quantile import Quantile
from mapsto.data.encoders.features import Features
from mapsto.errors import DataError, RecipeError
from mapsto.recipe.families import ENCODERS, SCALERS
from mapsto.recipe.schema import DataOptions
from mapsto.recipe.space import Space
from mapsto.testing.encoders import TRAINING, sample_table
from mapsto.testing.tables import make_table

RNG = np.random.default_rng(0)
VALUES = np.column_stack([RNG.lognormal(0, 1.2, 1500), RNG.normal(5, 2, 1500), RNG.exponential(3, 1500) - 4])


def encoded(values, scale, rows=None, **options):
    values = np.asarray(values, dtype=np.float64)
    table = make_table({f"c{place}": column for place, column in enumerate(values.reshape(len(values), -1).T)})
    encoder = Features(tuple(table.columns), DataOptions(scale=scale, **options))
    encoder.fit(table, np.arange(len(values)) if rows is None else np.asarray(rows))
    return encoder.encode(table)


@pytest.mark.parametrize(
    ("scale", "scaler"),
    [
        ("robust", RobustScaler()),
        ("quantile", QuantileTransformer(output_distribution="normal", subsample=None, n_quantiles=1000)),
        ("power", PowerTransformer()),
    ],
)
def test_as_scikit_learn_scales(scale, scaler):
    train = np.arange(1000)
    expected = scaler.fit(VALUES[train]).transform(VALUES)
    np.testing.assert_allclose(encoded(VALUES, scale, train), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scale", ["quantile", "power"])
def test_a_log_normal_column_becomes_near_normal(scale):
    before, after = encoded(VALUES[:, 0], "standard")[:, 0], encoded(VALUES[:, 0], scale)[:, 0]
    assert (skew(before), kurtosis(before)) > (3, 20)
    assert abs(skew(after)) < 0.2
    assert abs(kurtosis(after)) < 1
    assert after.std() == pytest.approx(1, abs=0.05)


def test_of_many_columns_fewer_quantiles_are_kept():
    found = {}
    for columns in (2, 3000):
        values = np.random.default_rng(0).normal(size=(400, columns))
        table = make_table({f"c{place}": values[:, place] for place in range(columns)})
        encoder = Features(tuple(table.columns), DataOptions(scale="quantile"))
        encoder.fit(table, np.arange(400))
        found[columns] = len(encoder.state()["numbers"]["scales"]["quantiles"][-1])
    assert found == {2: 400, 3000: 333}


def test_robust_is_not_moved_by_outliers_as_standard_is():
    values = np.append(RNG.normal(0, 1, 200), [1e6] * 5)
    assert encoded(values, "standard")[:200].std() < 1e-3
    assert encoded(values, "robust")[:200].std() > 0.5


def test_smooth_clip_is_robust_in_the_middle_and_bounded_at_the_ends():
    values = np.append(np.linspace(-1, 1, 201), [-1e9, 1e9])
    found = encoded(values, "smooth_clip")[:, 0]
    assert np.abs(found).max() <= 3.0
    assert found[-1] == pytest.approx(3, abs=1e-4)
    robust = encoded(values, "robust")[:, 0]
    np.testing.assert_allclose(found, robust / np.sqrt(1 + (robust / 3.0) ** 2), atol=1e-5)
    assert (np.diff(found[:201]) > 0).all()
    mostly_zero = encoded([0.0] * 20 + [4.0, 8.0], "smooth_clip")[:, 0]
    np.testing.assert_allclose(mostly_zero[-1], 2 / np.sqrt(1 + 4 / 9), rtol=1e-5)


@pytest.mark.parametrize("scale", SCALERS.names())
def test_order_is_kept_and_nothing_is_infinite(scale):
    values = np.sort(np.append(VALUES[:, 2], [-1e200, 1e200]))
    found = encoded(values, scale)
    assert np.isfinite(found).all()
    if found.shape[1]:
        assert (np.diff(found[:, 0]) >= 0).all()
        assert found[0, 0] < found[-1, 0]


@pytest.mark.parametrize("scale", SCALERS.names())
def test_missing_numbers_do_not_disturb_the_scale(scale):
    holes = VALUES.copy()
    holes[::7] = np.nan
    whole = np.flatnonzero(~np.isnan(holes[:, 0]))
    kept = encoded(VALUES[whole], scale)
    found = encoded(holes, scale, missing_indicator=False)
    np.testing.assert_allclose(found[whole], kept, atol=2e-3 if scale == "quantile" else 1e-5)


@pytest.mark.parametrize("scale", SCALERS.names())
def test_no_scaler_warns(scale):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoded(np.column_stack([np.full(50, np.nan), np.r_[np.zeros(49), 1], RNG.integers(0, 2, 50)]), scale)


def test_an_unknown_scaler_is_named_with_its_nearest():
    with pytest.raises(RecipeError, match=r'No scaler is called "quantil"\. Did you mean "quantile"\?') as caught:
        Space.from_settings(["task.name=tabular_regression", "data.scale=quantil"])
    assert "smooth_clip" in str(caught.value)


@pytest.mark.parametrize(("encoder", "kind"), [("image", "image"), ("spectrogram", "audio")])
def test_pixels_and_sounds_refuse_what_is_for_columns(encoder, kind):
    with pytest.raises(DataError, match=r"`data\.scale: quantile` is for columns of numbers"):
        ENCODERS.get(encoder)([kind], DataOptions(scale="quantile")).fit(sample_table(), TRAINING)


def test_piecewise_linear_bins_hold_equal_shares_and_add_up():
    values = RNG.lognormal(0, 1, 800)
    plain, bins = encoded(values, "standard"), encoded(values, "standard", numbers="piecewise_linear", bins=8)
    assert bins.shape == (800, 8)
    inside = (bins > 0).sum(axis=1)  # the number of the bin that a value lies in
    np.testing.assert_allclose(np.bincount(inside, minlength=9)[1:], 100, atol=1)
    order = np.argsort(plain[:, 0])
    assert (np.diff(bins.sum(axis=1)[order]) > -1e-6).all()


def test_piecewise_linear_lets_a_linear_model_follow_a_curve():
    from sklearn.linear_model import LinearRegression

    values = RNG.uniform(-3, 3, 1000)
    target = np.sin(3 * values)
    scores = {}
    for numbers in ("plain", "piecewise_linear"):
        matrix = encoded(values, "standard", range(700), numbers=numbers, bins=32)
        scores[numbers] = LinearRegression().fit(matrix[:700], target[:700]).score(matrix[700:], target[700:])
    assert scores["plain"] < 0.3
    assert scores["piecewise_linear"] > 0.95


def test_bins_go_on_beyond_training_and_fall_together_where_a_value_is_frequent():
    found = encoded([0, 1, 2, 3, 4, -10, 10], "none", range(5), numbers="piecewise_linear", bins=4)
    assert found[5:].tolist() == [[-10, 0, 0, 0], [1, 1, 1, 7]]
    assert encoded([0] * 50 + [1, 2], "none", numbers="piecewise_linear", bins=4).shape[1] == 1


def test_quantiles_of_tiny_and_of_huge_numbers_are_finite():
    rng = np.random.default_rng(0)
    for size in (1e-310, 1e300):
        values = rng.normal(size=(300, 1)) * size
        scaler = Quantile(DataOptions())
        scaled = scaler.apply(values.copy(), scaler.learn(values))
        assert np.isfinite(scaled).all()
        assert 0.8 < scaled.std() < 1.2
