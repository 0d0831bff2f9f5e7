"""What is known of a model's quality on one data part: metrics with intervals, classes, confusion or residuals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mapsto.evaluation.intervals import Interval, bootstrap_terms, interval, wilson
from mapsto.metrics._classes import confusion
from mapsto.metrics._labels import THRESHOLD
from mapsto.metrics._masks import confusions, num_classes
from mapsto.metrics.base import Direction, Metric
from mapsto.metrics.mean_iou import MeanIoU
from mapsto.recipe.families import METRICS
from mapsto.recipe.seeds import derive

MAX_RESIDUALS = 2000
"""Points of a residual plot that are kept; more only make a file large."""


@dataclass(frozen=True)
class Score:
    """One metric on the part, with its interval (see `mapsto.evaluation.intervals.Interval`)."""

    title: str
    value: float
    low: float
    high: float
    level: float
    method: str
    direction: Direction
    percent: bool

    def __str__(self) -> str:
        """`98.1% (96.2% to 99.3%)`; a dash where it is not defined."""
        if math.isnan(self.low):
            return self._written(self.value)
        return f"{self._written(self.value)} ({self._written(self.low)} to {self._written(self.high)})"

    def _written(self, value: float) -> str:
        if not math.isfinite(value):
            return "–"
        return f"{100 * value:.1f}%" if self.percent else f"{value:.4g}"


@dataclass(frozen=True)
class ClassScore:
    """One class of a classification, or one label; NaN where a share has no rows to be taken of."""

    name: str
    rows: int
    precision: float
    recall: float
    f1: float
    recall_low: float
    recall_high: float


@dataclass(frozen=True)
class RegionScore:
    """One class of a segmentation; `rows` images and `pixels` pixels have it in truth."""

    name: str
    rows: int
    pixels: int
    iou: float
    iou_low: float
    iou_high: float


@dataclass(frozen=True)
class Confusion:
    """`counts[i][j]` rows (pixels, for segmentation) of class i were answered as class j."""

    names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Residuals:
    """Predicted and actual values of at most `MAX_RESIDUALS` rows, drawn at random."""

    predicted: tuple[float, ...]
    actual: tuple[float, ...]


@dataclass(frozen=True)
class Scorecard:
    """The quality of one model on one part, in plain numbers.

    Attributes:
        part: what was scored: a part of the data, or `"given"` for rows from elsewhere.
        rows: how many.
        metrics: by name, in the task's order; the first is the objective.
        per_class: for classification, labels and segmentation, else None.
        confusion: for classification and segmentation, else None; labels do not exclude each other.
        residuals: for regression, else None.
    """

    part: str
    rows: int
    metrics: Mapping[str, Score]
    per_class: tuple[ClassScore, ...] | tuple[RegionScore, ...] | None = None
    confusion: Confusion | None = None
    residuals: Residuals | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it: NaN and infinity become null."""
        return cast("dict[str, Any]", _plain(asdict(self)))

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Scorecard:
        """What `to_json` gave, or what was read from its file. An infinite value comes back as NaN."""
        classes = stored["per_class"]
        kind: type[ClassScore | RegionScore] = RegionScore if classes and "iou" in classes[0] else ClassScore
        confusion, residuals = stored["confusion"], stored["residuals"]
        return cls(
            part=stored["part"],
            rows=stored["rows"],
            metrics={name: Score(**_numbers(s)) for name, s in stored["metrics"].items()},
            per_class=None if classes is None else cast("Any", tuple(kind(**_numbers(c)) for c in classes)),
            confusion=confusion and Confusion(tuple(confusion["names"]), tuple(map(tuple, confusion["counts"]))),
            residuals=residuals and Residuals(tuple(residuals["predicted"]), tuple(residuals["actual"])),
        )

    def table(self) -> list[tuple[str, str, str]]:
        """One row a metric: its title, its value with interval, and how the interval was found."""
        return [
            (s.title, str(s), "" if math.isnan(s.low) else f"{s.level:.0%}, {s.method}") for s in self.metrics.values()
        ]

    def __str__(self) -> str:
        table = self.table()
        widths = [max((len(row[i]) for row in table), default=0) for i in (0, 1)]
        lines = (f"{t:<{widths[0]}}  {v:<{widths[1]}}  {m}".rstrip() for t, v, m in table)
        return "\n".join([f"{self.part} part, {self.rows:,} rows", *lines])

    def _repr_html_(self) -> str:
        cells = ("".join(f"<td>{escape(text)}</td>" for text in row) for row in self.table())
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        head = "<tr><th>metric</th><th>value</th><th>interval</th></tr>"
        return f"<table><caption>{escape(self.part)} part, {self.rows:,} rows</caption>{head}{body}</table>"


def score(
    task_metrics: Sequence[str],
    predictions: NDArray[Any],
    targets: NDArray[Any],
    class_names: Sequence[str] | None,
    part: str,
    seed: int,
) -> Scorecard:
    """Scores predictions: every metric with its interval, and what is seen class by class or value by value.

    Args:
        task_metrics: names of metrics, the objective first.
        predictions: as these metrics take them (see `mapsto.metrics.base.Metric`): the form decides what else the
            scorecard holds.
        targets: one a row, in the same order.
        class_names: by class id; None for regression.
        part: the part of the data that these rows are, or another word for them.
        seed: of resampling and of the choice of residuals.
    """
    scores = {}
    for name in task_metrics:
        metric: Metric = METRICS.get(name)()
        found = interval(metric, predictions, targets, seed=derive(seed, "interval", name))
        scores[name] = _score(metric, found)
    names = tuple(class_names or ())
    per_class: tuple[ClassScore, ...] | tuple[RegionScore, ...]
    if predictions.ndim == 1:
        return Scorecard(part, len(targets), scores, residuals=_residuals(predictions, targets, seed))
    if targets.ndim == 2:
        return Scorecard(part, len(targets), scores, _labels(predictions, targets, names))
    if predictions.ndim == 2:
        per_class, counts = _classes(predictions, targets, names)
    else:
        per_class, counts = _regions(predictions, targets, names, seed)
    return Scorecard(part, len(targets), scores, per_class, counts)


def _score(metric: Metric, found: Interval) -> Score:
    return Score(
        title=metric.title,
        value=found.value,
        low=found.low,
        high=found.high,
        level=found.level,
        method=found.method,
        direction=metric.direction,
        percent=metric.percent,
    )


def _residuals(predictions: NDArray[Any], targets: NDArray[Any], seed: int) -> Residuals:
    rows = np.flatnonzero(np.isfinite(predictions) & np.isfinite(targets))
    if len(rows) > MAX_RESIDUALS:
        rng = np.random.default_rng(derive(seed, "residuals"))
        rows = np.sort(rng.choice(rows, MAX_RESIDUALS, replace=False))
    return Residuals(tuple(predictions[rows].astype(float).tolist()), tuple(targets[rows].astype(float).tolist()))


def _classes(
    predictions: NDArray[Any], targets: NDArray[Any], names: Sequence[str]
) -> tuple[tuple[ClassScore, ...], Confusion]:
    counts = confusion(predictions, targets)[:-1]
    names = _complete(names, len(counts))
    found = tuple(map(_class_score, names, counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)))
    return found, Confusion(names, tuple(map(tuple, counts.tolist())))


def _labels(predictions: NDArray[Any], targets: NDArray[Any], names: Sequence[str]) -> tuple[ClassScore, ...]:
    answered, true = predictions >= THRESHOLD, targets != 0
    names = _complete(names, targets.shape[1])
    return tuple(map(_class_score, names, (answered & true).sum(axis=0), true.sum(axis=0), answered.sum(axis=0)))


def _class_score(name: str, correct: np.int64, rows: np.int64, answered: np.int64) -> ClassScore:
    recall = wilson(int(correct), int(rows))
    precision, f1 = _share(int(correct), int(answered)), _share(2 * int(correct), int(rows + answered))
    return ClassScore(name, int(rows), precision, recall.value, f1, recall.low, recall.high)


def _regions(
    predictions: NDArray[Any], targets: NDArray[Any], names: Sequence[str], seed: int
) -> tuple[tuple[RegionScore, ...], Confusion]:
    classes = max(len(names), num_classes(predictions, targets))
    counts = np.zeros((classes, classes), dtype=np.int64)
    truth, union, correct = np.zeros((3, len(targets), classes))
    for image, of_image in enumerate(confusions(predictions, targets, classes)):
        counts += of_image
        truth[image] = of_image.sum(axis=1)
        correct[image] = of_image.diagonal()
        union[image] = of_image.sum(axis=0) + truth[image] - correct[image]
    names = _complete(names, classes)
    found = []
    for index, name in enumerate(names):
        terms = np.stack([correct[:, index], union[:, index]], axis=1)
        iou = bootstrap_terms(MeanIoU(), terms, seed=derive(seed, "iou", index))
        images, pixels = int((truth[:, index] > 0).sum()), int(truth[:, index].sum())
        found.append(RegionScore(name, images, pixels, iou.value, iou.low, iou.high))
    return tuple(found), Confusion(names, tuple(map(tuple, counts.tolist())))


def _complete(names: Sequence[str], classes: int) -> tuple[str, ...]:
    """One name a class: a class that has none is called by its number."""
    return (*names[:classes], *map(str, range(len(names), classes)))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _plain(value: Any) -> Any:
    """As JSON has it: lists for tuples, null for what is no number."""
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _numbers(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {key: math.nan if value is None else value for key, value in stored.items()}
