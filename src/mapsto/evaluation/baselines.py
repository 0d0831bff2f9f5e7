"""What plain methods reach on the same rows: the yardstick beside which a network's score means something.

The most common class (or the mean), a linear model and gradient-boosted trees, each within its share of a given time.
None of them is tuned. Where the rows are too many for the time, a seeded sample is used, and `note` says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.evaluation._features import BagOfWords, Compressed, pixel_features
from mapsto.evaluation._label_learners import linear_labels, most_common_labels, tree_labels
from mapsto.evaluation._learners import TreePlan, fit_linear, fit_trees, linear_rows, tree_plan
from mapsto.evaluation._problem import LINEAR_SHARE, PREDICT_SHARE, TREES_SHARE, Fit, Problem, joined
from mapsto.recipe.seeds import derive

Kind = Literal["classes", "labels", "values", "masks"]

_TREE_VISIT = 6e-8  # seconds a pixel and tree
_LINEAR_VISIT = 2.5e-9  # seconds a pixel, feature and class
_PIXEL_TREES = 150  # few, for millions of pixels pass through them
_PIXELS_AT_ONCE = 500_000
_ROWS_TO_COUNT = 500  # images whose masks are counted to find the most common class


@dataclass(frozen=True)
class Baseline:
    """A plain method, fitted.

    Attributes:
        name: short: `"majority class"`, `"most common labels"`, `"mean"`, `"linear"`, `"trees"`.
        title: what a person calls it.
        seconds: that fitting took.
        note: what it was trained on, and whatever a reader must know; why there is none, where it failed.
    """

    name: str
    title: str
    seconds: float
    note: str
    _answer: Callable[[NDArray[Any]], NDArray[Any]] | None = field(default=None, repr=False)

    def predict(self, inputs: NDArray[Any]) -> NDArray[Any] | None:
        """Predictions for prepared inputs as the metrics take them, or None if the baseline could not be fitted.

        Returns:
            Probabilities `(rows, classes)` or `(rows, labels)`, values `(rows,)` in the unit of the targets it was
            given, or class ids `(rows, height, width)`.
        """
        return None if self._answer is None else self._answer(inputs)


def fit_baselines(
    inputs: NDArray[Any],
    targets: NDArray[Any],
    *,
    kind: str,
    train_rows: NDArray[np.int64],
    max_seconds: float = 30.0,
    seed: int = 0,
    levels: tuple[int, ...] = (),
) -> list[Baseline]:
    """Fits the plain methods that suit the task.

    Args:
        inputs: as prepared, all rows: features float32 `(rows, features)`, images uint8 `(rows, channels, height,
            width)` or tokens int32 `(rows, length)` with 0 for padding.
        targets: as the metrics take them, all rows: class ids, flags of labels, values in their own unit, or masks.
        kind: the targets' encoder: `"classes"`, `"labels"`, `"values"` or `"masks"`.
        train_rows: the rows to fit on. The others tell only how many classes and how many images there are.
        max_seconds: for all of them together, and for predicting the other images of a segmentation. The sizes are
            planned for two cores, well within it; fitting ends early where that is not enough, and the note says so.
        seed: of the samples and models.
        levels: how many whole numbers each feature may hold where some hold level numbers (see
            `mapsto.data.encoders.base.Spec`); these become a feature a level.

    Returns:
        The majority class, labels or mean, the linear model, the trees: a failed one too, with the cause in its note.

    Raises:
        ValueError: `kind` is none of these.
    """
    if kind not in _METHODS:
        raise ValueError(f"`kind` must be one of {', '.join(_METHODS)}. Received: {kind=}.")
    rows = np.asarray(train_rows)
    num_classes = 0
    if kind == "classes":
        rows = rows[np.asarray(targets[rows]) >= 0]
        num_classes = int(targets.max(initial=0)) + 1
    end = time.monotonic() + 0.9 * max_seconds
    problem = Problem(inputs, targets, rows, num_classes, max_seconds, end, seed, levels)
    return [_fitted(problem, *method) for method in _METHODS[kind]]


def _fitted(problem: Problem, name: str, title: str, fit: Callable[[Problem], Fit]) -> Baseline:
    from threadpoolctl import threadpool_limits

    start = time.monotonic()
    if start > problem.end:
        return Baseline(name, title, 0.0, "left out: the time for baselines was used up")
    try:
        if not len(problem.rows):
            raise ValueError("there is no training row with a target")
        # Small matrices gain nothing from a second core, and on a busy machine waiting for it costs a lot.
        with threadpool_limits(1, user_api="blas"):
            answer, note = fit(problem)
    except (ValueError, ArithmeticError, MemoryError) as error:
        # A yardstick that these data do not allow (one class in the sample, say) must not sink a finished study.
        cause = " ".join(str(error).split())[:200] or type(error).__name__
        return Baseline(name, title, time.monotonic() - start, say("could not be fitted: {cause}", cause=cause))
    return Baseline(name, title, time.monotonic() - start, note, answer)


# ------------------------------------------------------------------------------------- one answer a row


def _majority(problem: Problem) -> Fit:
    counts = np.bincount(problem.targets[problem.rows], minlength=problem.num_classes)
    shares = counts / counts.sum()
    return lambda inputs: np.tile(shares, (len(inputs), 1)), say("the share of each class as its probability")


def _mean(problem: Problem) -> Fit:
    mean = float(problem.targets[problem.rows].mean(dtype=np.float64))
    return lambda inputs: np.full(len(inputs), mean), ""


def _linear(problem: Problem) -> Fit:
    features = problem.features
    rows = problem.some_rows(linear_rows(LINEAR_SHARE * problem.seconds, features.stored, problem.num_classes))
    answer, remark = fit_linear(
        features(problem.inputs[rows]), problem.targets[rows], problem.num_classes, end=problem.half_time
    )
    return lambda inputs: answer(features(inputs)), joined(problem.trained_on(len(rows)), features.note, remark)


def _trees(problem: Problem) -> Fit:
    features, seed = problem.features, derive(problem.seed, "trees")
    if isinstance(features, BagOfWords):
        few = problem.some_rows(linear_rows(0.1 * problem.seconds, features.stored, 0))
        features = Compressed(features, features(problem.inputs[few]), seed)
    plan = tree_plan(TREES_SHARE * problem.seconds, int(features.stored), problem.num_classes)
    rows = problem.some_rows(plan.rows)
    matrix, targets = features(problem.inputs[rows]), problem.targets[rows]
    answer, remark = fit_trees(matrix, targets, problem.num_classes, plan, end=problem.end, seed=seed)
    return lambda inputs: answer(features(inputs)), joined(problem.trained_on(len(rows)), features.note, remark)


# ------------------------------------------------------------------------------------- one answer a pixel


def _majority_pixel(problem: Problem) -> Fit:
    rows = problem.some_rows(_ROWS_TO_COUNT)
    targets = problem.targets[rows]
    counts = np.bincount(targets[_scored(targets)].astype(np.intp))
    if not counts.size:
        raise ValueError("no pixel of these masks has a class")
    most = int(counts.argmax())
    note = problem.trained_on(len(rows), "images")
    return lambda inputs: np.full((len(inputs), *inputs.shape[2:]), most, dtype=np.uint8), note


def _linear_pixels(problem: Problem) -> Fit:
    features = 9 * problem.inputs.shape[1] + 2
    matrix, targets, num_classes = _pixels(problem, lambda n: linear_rows(LINEAR_SHARE * problem.seconds, features, n))
    answer, remark = fit_linear(matrix, targets, num_classes, end=problem.half_time)
    stride = _stride(problem, features * num_classes * _LINEAR_VISIT)
    return _Segmenter(answer, stride), joined(_pixels_used(problem, len(targets)), _grid(stride), remark)


def _tree_pixels(problem: Problem) -> Fit:
    features, seconds = 9 * problem.inputs.shape[1] + 2, TREES_SHARE * problem.seconds
    matrix, targets, num_classes = _pixels(problem, lambda n: _pixel_plan(seconds, features, n).rows)
    plan = _pixel_plan(seconds, features, num_classes)
    seed = derive(problem.seed, "trees")
    answer, remark = fit_trees(matrix, targets, num_classes, plan, end=problem.end, seed=seed)
    stride = _stride(problem, plan.rounds * num_classes * _TREE_VISIT)
    return _Segmenter(answer, stride), joined(_pixels_used(problem, len(targets)), _grid(stride), remark)


def _stride(problem: Problem, seconds_a_pixel: float) -> int:
    """Rows and columns from one predicted pixel to the next, so that the images not trained on can be done in time."""
    images, _, height, width = problem.inputs.shape
    needed = (images - len(problem.rows)) * height * width * seconds_a_pixel
    return max(1, int(np.ceil(np.sqrt(needed / (PREDICT_SHARE / 2 * problem.seconds)))))


def _grid(stride: int) -> str:
    return say("one pixel in {side} × {side} predicted, its neighbors alike", side=stride) if stride > 1 else ""


def _pixel_plan(seconds: float, features: int, num_classes: int) -> TreePlan:
    return tree_plan(seconds, features, num_classes, max_trees=_PIXEL_TREES)


def _pixels_used(problem: Problem, count: int) -> str:
    return problem.trained_on(count, "pixels", len(problem.rows) * int(np.prod(problem.inputs.shape[2:])))


def _scored(targets: NDArray[Any]) -> NDArray[np.bool_]:
    """Pixels with a class, by the rule of `mapsto.metrics.base.Metric`."""
    if np.issubdtype(targets.dtype, np.unsignedinteger):
        return np.asarray(targets != np.iinfo(targets.dtype).max)
    return np.asarray(targets >= 0)


def _pixels(problem: Problem, affordable: Callable[[int], int]) -> tuple[NDArray[np.float32], NDArray[np.int64], int]:
    """Features and classes of a random sample of the training pixels, and the number of classes in it.

    Args:
        problem: with images as inputs and masks as targets.
        affordable: the number of classes to the number of pixels that can be used.
    """
    rng = np.random.default_rng(derive(problem.seed, "pixels"))
    height, width = problem.inputs.shape[2:]
    total = len(problem.rows) * height * width
    drawn = rng.integers(total, size=min(total, 2 * affordable(0)))
    image, place = np.divmod(drawn, height * width)
    row, column = np.divmod(place, width)
    image = problem.rows[image]
    targets = problem.targets[image, row, column]
    scored = np.flatnonzero(_scored(targets))
    num_classes = int(targets[scored].max(initial=0)) + 1
    kept = scored[: affordable(num_classes)]
    kept = kept[np.argsort(image[kept], kind="stable")]  # a memory-mapped file is read from its start to its end
    matrix = pixel_features(problem.inputs, image[kept], row[kept], column[kept])
    return matrix, targets[kept].astype(np.int64), num_classes


@dataclass(frozen=True)
class _Segmenter:
    """A model of single pixels, over whole images: class ids, repeated where only one pixel in some is asked for."""

    answer: Callable[[Any], NDArray[Any]]
    stride: int

    def __call__(self, inputs: NDArray[Any]) -> NDArray[np.uint8]:
        _, _, height, width = inputs.shape
        rows, columns = (
            np.arange(self.stride // 2, n, self.stride) if n > self.stride // 2 else np.arange(1)
            for n in (height, width)
        )
        at_once = max(1, _PIXELS_AT_ONCE // (len(rows) * len(columns)))
        masks = np.empty((len(inputs), height, width), dtype=np.uint8)
        for start in range(0, len(inputs), at_once):
            images = np.asarray(inputs[start : start + at_once])
            image, row, column = (
                axis.ravel() for axis in np.meshgrid(np.arange(len(images)), rows, columns, indexing="ij")
            )
            classes = self.answer(pixel_features(images, image, row, column)).argmax(axis=1)
            coarse = classes.reshape(len(images), len(rows), len(columns))
            # Each pixel takes the class of the asked one whose cell it lies in; the last cell may be cut short.
            y = np.minimum(np.arange(height) // self.stride, len(rows) - 1)
            x = np.minimum(np.arange(width) // self.stride, len(columns) - 1)
            masks[start : start + at_once] = coarse[:, y[:, None], x]
        return masks


_METHODS: dict[str, tuple[tuple[str, str, Callable[[Problem], Fit]], ...]] = {
    "classes": (
        ("majority class", "always the most common class", _majority),
        ("linear", "logistic regression", _linear),
        ("trees", "gradient-boosted trees", _trees),
    ),
    "labels": (
        ("most common labels", "always the most common set of labels", most_common_labels),
        ("linear", "logistic regression, a model a label", linear_labels),
        ("trees", "gradient-boosted trees, a model a label", tree_labels),
    ),
    "values": (
        ("mean", "always the mean", _mean),
        ("linear", "ridge regression", _linear),
        ("trees", "gradient-boosted trees", _trees),
    ),
    "masks": (
        ("majority class", "always the most common class", _majority_pixel),
        ("linear", "logistic regression on single pixels", _linear_pixels),
        ("trees", "gradient-boosted trees on single pixels", _tree_pixels),
    ),
}
