"""Learning curves extrapolated: how good a training will have become by its end, and how sure that is.

What is forecast is the best objective so far, since that is a trial's score. It only ever improves, so that every
family fitted here is monotone: with x = unit / last unit, `c + a·h(x)` where h is a power of x between the line and the
inverse, the logarithm, or an exponential decay. h is zero at the unit asked about, so that c is the forecast. For each
shape a and c are fitted by weighted least squares with later points counting more, and the shapes are averaged by how
well they fit (the exponent of Akaike's criterion, all having as many parameters). As the errors of neighboring points
are alike, all points together count as at most six. Few curves are lines to their end: that one counts a fifth.

To the spread of the fits and of the shapes comes a prior, wide for short curves: that the curve will do something
unforeseen, in proportion to the logarithm of how much longer it will be. Its width was set on curves of small networks,
good and poor ones. Where curves are as smooth as the families, forecasts are less sure than they could be; of one that
still falls faster and faster, as with a learning rate that is much too small, the forecast is too poor.

References:
    Domhan, Springenberg and Hutter, 2015, "Speeding up automatic hyperparameter optimization of deep neural networks by
    extrapolation of learning curves". Viering and Loog, 2021, "The shape of learning curves: a review",
    arXiv:2103.10948.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapsto.metrics.base import Direction

POWERS = (1.0, 0.5, 0.0, -0.5, -1.0)
"""Of x; 0 stands for the logarithm."""

DECAYS = (0.2, 0.4, 0.8)
"""Time constants of exponentials, as shares of the curve so far."""

PRIOR = np.array([0.2, *(1.0 for _ in (*POWERS[1:], *DECAYS))])
"""Of each shape, up to a factor."""

FEWEST = 3
"""Points below which nothing can be said."""

COUNT = 6.0
"""Independent points that a longer curve counts as, at most."""

RECENCY = 2.0
"""Power of the unit that a point is weighted by."""

FLAT = 0.2
"""Share of its level that a curve is taken to have improved by in any case: one that has not yet may still do so."""

NOISE, NOISE_COUNT = 0.05, 2.0
"""Prior standard deviation of a point, as a share of what the curve has improved by, and the points it counts as."""

SURPRISE = 0.1
"""Standard deviation of what no family foresees, as a share of what the curve has improved by, for a curve that becomes
e times as long."""


@dataclass(frozen=True)
class Forecast:
    """What the best objective so far will be, as a normal distribution.

    Attributes:
        mean: in the objective's unit; the worst infinity if the curve has no finite value.
        std: infinite where nothing can be said.
    """

    mean: float
    std: float


def extrapolate(curve: Sequence[tuple[float, float]], until: float, direction: Direction) -> Forecast:
    """The best objective by `until` of a training with this curve.

    Example:
        >>> curve = [(unit, 0.9 - 0.5 / unit) for unit in range(1, 11)]
        >>> found = extrapolate(curve, 30, "maximize")
        >>> round(found.mean, 2), found.std < 0.1
        (0.89, True)

    Args:
        curve: pairs of a unit of fidelity, positive and ascending, and the objective then; values that are not finite
            are passed over.
        until: the unit asked about.
        direction: of the objective.
    """
    sign = -1.0 if direction == "maximize" else 1.0
    points = np.array([(unit, sign * value) for unit, value in curve if math.isfinite(value)]).reshape(-1, 2)
    if not len(points):
        return Forecast(sign * math.inf, 0.0)
    units, best = points[:, 0], np.minimum.accumulate(points[:, 1])
    if until <= curve[-1][0]:
        return Forecast(sign * float(best[-1]), 0.0)
    if len(points) < FEWEST:
        return Forecast(sign * float(best[-1]), math.inf)
    scale = float(np.abs(best).max()) or 1.0
    mean, std = _averaged(units / units[-1], best / scale, until / float(units[-1]))
    return Forecast(sign * scale * mean, scale * std)


def chance_to_beat(curve: Sequence[tuple[float, float]], until: float, direction: Direction, target: float) -> float:
    """The chance, in [0, 1], that a training with this curve will have been better than `target` by `until`.

    Example:
        >>> poor = [(unit, 0.5 - 0.3 / unit) for unit in range(1, 11)]
        >>> chance_to_beat(poor, 30, "maximize", 0.9) < 0.01
        True
    """
    if any(value > target if direction == "maximize" else value < target for _, value in curve):
        return 1.0
    forecast = extrapolate(curve, until, direction)
    gain = forecast.mean - target if direction == "maximize" else target - forecast.mean
    return normal_chance(gain, forecast.std)


def normal_chance(mean: float, std: float) -> float:
    """The chance that a normal variable is above zero; a half where its spread is infinite."""
    if std == 0 or math.isinf(mean):
        return float(mean > 0)
    return 0.5 * math.erfc(-mean / (std * math.sqrt(2)))


def _averaged(x: NDArray[np.float64], y: NDArray[np.float64], end: float) -> tuple[float, float]:
    """Mean and standard deviation at `end` of losses `y` that never rise, at units `x` whose last is 1."""
    size = float(y[0] - y[-1]) + FLAT * abs(float(y[-1])) + 1e-9
    shapes = _shapes(x) - _shapes(np.array([end]))
    weights = x**RECENCY
    count = min(float(len(x)), COUNT)
    weights *= count / weights.sum()
    shape_mean, mean = shapes @ weights / count, float(y @ weights) / count
    centered, residual = shapes - shape_mean[:, None], y - mean
    squares = np.maximum(centered**2 @ weights, 1e-12)
    slopes = centered * residual @ weights / squares
    finals = np.minimum(mean - slopes * shape_mean, y[-1])
    errors = (residual - slopes[:, None] * centered) ** 2 @ weights + NOISE_COUNT * (NOISE * size) ** 2
    variances = errors / (NOISE_COUNT + count - 2) * (1 + 1 / count + shape_mean**2 / squares)
    likelihoods = PRIOR * (errors / errors.min()) ** (-(NOISE_COUNT + count) / 2)
    shares = likelihoods / likelihoods.sum()
    found = float(shares @ finals)
    spread = float(shares @ ((finals - found) ** 2 + variances)) + (SURPRISE * size * math.log(end)) ** 2
    return found, math.sqrt(spread)


def _shapes(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every shape at `x`, falling, `(shapes, units)`."""
    powers = [-np.log(x) if power == 0 else -math.copysign(1, power) * x**power for power in POWERS]
    return np.array([*powers, *(np.exp(-x / decay) for decay in DECAYS)])
