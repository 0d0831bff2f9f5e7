"""Forecasts of learning curves: calibrated on synthetic curves and on those of small networks."""

import math
from functools import cache

import numpy as np
import pytest

from mapsto.search.curves import Forecast, chance_to_beat, extrapolate

Z = 1.6449  # ends of a normal variable's 90 % interval

FAMILIES = {
    "power": lambda x, shape: (1 + 20 * x) ** -shape,
    "exponential": lambda x, shape: np.exp(-x * 6 * shape),
    "logistic": lambda x, shape: 1 / (1 + np.exp(10 * (x - 0.1 * shape))),
}


def synthetic(rng, units=50):
    """A loss that falls in one of the families, with noise of 1 % of the fall, best so far not taken yet."""
    x = np.arange(1, units + 1) / units
    shape = FAMILIES[list(FAMILIES)[rng.integers(3)]](x, rng.uniform(0.5, 2))
    return rng.uniform(0.1, 0.6) + rng.uniform(0.2, 1) * shape + rng.normal(0, 0.008, units)


def covered(curves, seen):
    """Share of the curves whose end lies in the 90 % interval that is forecast from their first points."""
    inside = []
    for curve in curves:
        forecast = extrapolate(list(enumerate(curve[:seen], 1)), len(curve), "minimize")
        reach, end = Z * forecast.std, min(curve)
        inside.append(forecast.mean - reach <= end <= forecast.mean + reach)
    return float(np.mean(inside))


@pytest.mark.parametrize("seen", [5, 8, 15, 30])
def test_ninety_percent_intervals_hold_nine_in_ten_synthetic_curves(seen):
    rng = np.random.default_rng(0)
    assert covered([synthetic(rng) for _ in range(300)], seen) >= 0.9


@cache
def digits():
    """Pixels in [0, 1] and classes of scikit-learn's digits, in random order."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return images[order] / 16, np.eye(10)[labels[order]]


def trained(rate, width, epochs=30):
    """Validation loss after each epoch of a network with a hidden layer, trained with momentum and written out here."""
    images, labels = digits()
    rng = np.random.default_rng(width)
    weights = [rng.uniform(-1, 1, (64, width)) / 8, rng.uniform(-1, 1, (width, 10)) / np.sqrt(width)]
    speed, losses = [np.zeros_like(weight) for weight in weights], []

    def log_probabilities(rows):
        hidden = np.maximum(images[rows] @ weights[0], 0)
        logits = hidden @ weights[1]
        logits -= logits.max(axis=1, keepdims=True)
        return hidden, logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))

    for _ in range(epochs):
        for batch in np.split(rng.permutation(600), 12):
            hidden, found = log_probabilities(batch)
            error = (np.exp(found) - labels[batch]) / len(batch)
            gradients = images[batch].T @ (error @ weights[1].T * (hidden > 0)), hidden.T @ error
            for layer in (0, 1):
                speed[layer] = 0.9 * speed[layer] + gradients[layer]
                weights[layer] -= rate * speed[layer]
        rest = slice(600, None)
        losses.append(-float((log_probabilities(rest)[1] * labels[rest]).sum(axis=1).mean()))
    return losses


def test_ninety_percent_intervals_hold_most_curves_of_small_networks():
    curves = [trained(10**power, width) for power, width in zip(np.linspace(-2, 0, 9), [8, 64] * 5, strict=False)]
    assert np.mean([covered(curves, seen) for seen in (6, 10, 20)]) >= 0.85


def test_a_curve_of_one_of_the_families_is_continued():
    curve = [(unit, 0.3 + 0.5 / unit) for unit in range(1, 13)]
    forecast = extrapolate(curve, 60, "minimize")
    assert forecast.mean == pytest.approx(0.3 + 0.5 / 60, abs=0.02)


def test_the_unit_asked_about_comes_nearer_and_the_forecast_surer():
    curve = list(enumerate(synthetic(np.random.default_rng(1)), 1))
    stds = [extrapolate(curve[:seen], 50, "minimize").std for seen in (5, 10, 20, 40, 50)]
    assert stds == sorted(stds, reverse=True)
    assert stds[-1] == 0


def test_maximized_and_minimized_are_mirror_images():
    curve = list(enumerate(synthetic(np.random.default_rng(2))[:20], 1))
    turned = [(unit, -value) for unit, value in curve]
    down, up = extrapolate(curve, 50, "minimize"), extrapolate(turned, 50, "maximize")
    assert (up.mean, up.std) == (-down.mean, down.std)
    assert chance_to_beat(curve, 50, "minimize", 0.2) == chance_to_beat(turned, 50, "maximize", -0.2)


def test_the_unit_of_the_objective_does_not_matter():
    curve = list(enumerate(synthetic(np.random.default_rng(3))[:20], 1))
    small, large = extrapolate(curve, 50, "minimize"), extrapolate([(u, 1e6 * v) for u, v in curve], 50, "minimize")
    assert large.mean == pytest.approx(1e6 * small.mean)
    assert large.std == pytest.approx(1e6 * small.std, rel=1e-6)


def test_a_curve_that_has_beaten_the_target_has_beaten_it():
    assert chance_to_beat([(1, 0.9), (2, 0.5), (3, 0.6)], 30, "maximize", 0.8) == 1


def test_two_points_say_nothing():
    assert extrapolate([(1, 0.5), (2, 0.6)], 30, "maximize") == Forecast(0.6, math.inf)
    assert chance_to_beat([(1, 0.5), (2, 0.6)], 30, "maximize", 0.9) == 0.5


def test_values_that_are_not_finite_are_passed_over():
    curve = [(unit, 0.9 - 0.5 / unit) for unit in range(1, 11)]
    holed = [*curve[:4], (5, math.nan), *curve[5:]]
    assert extrapolate(holed, 30, "maximize").mean == pytest.approx(extrapolate(curve, 30, "maximize").mean, abs=0.01)
    lost = [(unit, math.nan) for unit in range(1, 9)]
    assert extrapolate(lost, 30, "maximize") == Forecast(-math.inf, 0)
    assert chance_to_beat(lost, 30, "maximize", 0.1) == 0


@pytest.mark.parametrize("level", [0.0, 0.1, 5.0])
def test_a_flat_curve_has_a_forecast_and_mostly_no_chance(level):
    flat = [(unit, level) for unit in range(1, 21)]
    assert extrapolate(flat, 30, "maximize").mean == pytest.approx(level, abs=1e-6)
    assert chance_to_beat(flat, 30, "maximize", level + 0.5 * max(level, 1)) < 0.05
