"""What every metric must do. `check_metric(MyMetric)` tests one of your own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapsto.metrics.base import Form, Metric, SumMetric

NUM_CLASSES = 3


def sample(form: Form, rows: int, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Random predictions, better than chance, and their targets: every class occurs if there are 3 rows or more."""
    rng = np.random.default_rng(seed)
    if form == "values":
        values = rng.normal(50.0, 10.0, size=rows)
        return values + rng.normal(0.0, 5.0, size=rows), values
    if form == "masks":
        ids = np.resize(np.arange(-1, NUM_CLASSES, dtype=np.int16), rows * 48)
        masks = rng.permutation(ids).reshape(rows, 6, 8)
        noise = rng.integers(NUM_CLASSES, size=masks.shape)
        return np.where((masks < 0) | (rng.random(masks.shape) < 0.3), noise, masks).astype(np.uint8), masks
    if form == "labels":
        flags = rng.permutation(np.arange(rows)[:, None] >> np.arange(NUM_CLASSES) & 1).astype(np.uint8)
        return (0.6 * rng.random(flags.shape) + 0.4 * flags).astype(np.float32), flags
    classes = rng.permutation(np.arange(rows) % NUM_CLASSES)
    scores = rng.random((rows, NUM_CLASSES)) + np.eye(NUM_CLASSES)[classes] * 0.5
    return (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32), classes


def perfect(form: Form, targets: NDArray[Any]) -> NDArray[Any]:
    """The predictions that are right and sure everywhere."""
    if form == "probabilities":
        return np.asarray(np.eye(NUM_CLASSES, dtype=np.float32)[targets])
    if form == "labels":
        return targets.astype(np.float32)
    return targets.copy() if form == "values" else np.maximum(targets, 0).astype(np.uint8)


def check_metric(metric: type[Metric], *, rows: int = 60) -> None:
    """Checks the contract of `Metric`.

    It gives a float within its bounds; perfect predictions reach the better bound, and more noise is worse; neither
    the order of the rows nor the call changes anything; a single row, and none, give a number or NaN; a NaN among the
    predictions is never hidden; arrays of different lengths are refused. A `SumMetric` is the metric of its sums.

    Raises:
        AssertionError: the metric breaks the contract.
    """
    scorer = metric()
    _check_declared(scorer)
    predictions, targets = sample(scorer.takes, rows)
    kept = predictions.copy(), targets.copy()
    value = scorer(predictions, targets)
    _check_value(scorer, value)
    assert all(map(np.array_equal, kept, (predictions, targets))), "the metric changed its arguments"
    _check_direction(scorer, predictions, targets, value)

    order = np.random.default_rng(1).permutation(rows)
    assert math.isclose(scorer(predictions[order], targets[order]), value, rel_tol=1e-9), "the order of rows matters"
    for few in (0, 1):
        _check_value(scorer, scorer(predictions[:few], targets[:few]), may_be_undefined=True)
    assert math.isnan(scorer(predictions[:0], targets[:0])), "a metric of no rows is NaN"
    _check_refusals(scorer, predictions, targets)
    if isinstance(scorer, SumMetric):
        _check_sums(scorer, predictions, targets, value)


def _check_declared(scorer: Metric) -> None:
    low, high = scorer.bounds
    assert low < high, f"`bounds` must be (least, greatest). Received: {scorer.bounds}"
    assert scorer.title, "`title` is what a person calls the metric; it is empty"
    assert scorer.direction in ("maximize", "minimize"), f"Received: {scorer.direction=}"
    assert not scorer.percent or (low, high) == (0.0, 1.0), "`percent` is for shares in [0, 1]"


def _check_value(scorer: Metric, value: Any, *, may_be_undefined: bool = False) -> None:
    assert type(value) is float, f"the metric must be a float. Received: {type(value)}"
    low, high = scorer.bounds
    within = low <= value <= high or (may_be_undefined and math.isnan(value))
    assert within, f"the metric must lie in {scorer.bounds}. Received: {value}"


def _check_direction(scorer: Metric, predictions: NDArray[Any], targets: NDArray[Any], value: float) -> None:
    best = scorer(perfect(scorer.takes, targets), targets)
    better_bound = scorer.bounds[1 if scorer.direction == "maximize" else 0]
    assert math.isclose(best, better_bound, abs_tol=1e-6), f"perfect predictions give {best}, not {better_bound}"
    shuffled = scorer(np.roll(predictions, 1, axis=0), targets)
    sign = 1 if scorer.direction == "maximize" else -1
    assert sign * best > sign * value > sign * shuffled, (
        f"to {scorer.direction} must mean better: perfect {best}, good {value}, shuffled {shuffled}"
    )


def _check_refusals(scorer: Metric, predictions: NDArray[Any], targets: NDArray[Any]) -> None:
    try:
        scorer(predictions[:-1], targets)
    except ValueError:
        refused = True
    else:
        refused = False
    assert refused, "predictions and targets of different lengths must be refused with a ValueError"
    if np.issubdtype(predictions.dtype, np.floating):
        broken = predictions.copy()
        broken[0] = np.nan
        assert math.isnan(scorer(broken, targets)), "a NaN among the predictions must give NaN"


def _check_sums(scorer: SumMetric, predictions: NDArray[Any], targets: NDArray[Any], value: float) -> None:
    terms = scorer.terms(predictions, targets)
    assert terms.dtype == np.float64, f"terms must be float64. Received: {terms.dtype}"
    assert terms.shape[:1] == targets.shape[:1], f"one row of terms a row. Received: {terms.shape}"
    halves = np.stack([terms[::2].sum(axis=0), terms[1::2].sum(axis=0)])
    both = scorer.from_sums(halves)
    assert both.shape == (2,), f"`from_sums` takes (..., terms) to (...). Received: {halves.shape} to {both.shape}"
    assert math.isclose(float(scorer.from_sums(halves.sum(axis=0))), value, rel_tol=1e-9), "sums do not add up"
