"""What the charts of the report show, as plain data: from a study to the named tuples that `svg` draws."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mapsto.report.format import Unit, number
from mapsto.report.study import Measure, Study, Trace, Trial, finite
from mapsto.report.svg import Axis, Curve, Heatmap, Mark, Plot, Row, Rows
from mapsto.report.text import Texts

MAX_CURVES = 40
MAX_CLASSES = 20
MAX_POINTS = 2000


class Folded(NamedTuple):
    """A confusion matrix of at most 20 classes and how many classes went into its last line."""

    chart: Heatmap
    num_folded: int


def metric_name(say: Texts, measure: Measure) -> str:
    """What a metric is called in this language."""
    return say.name("metric", measure.name, measure.title)


def part_name(say: Texts, part: str) -> str:
    """What a data part is called in this language."""
    return say.name("part", part, part)


def limits(values: Iterable[float], always: Iterable[float] = ()) -> tuple[float, float] | None:
    """The range to draw, without the far outliers (a diverged loss) that would flatten all the rest.

    Args:
        values: all values.
        always: values that must be inside (the winner's).

    Returns:
        The range with a little room, or None where there are no values.
    """
    ordered = sorted(values)
    if not ordered:
        return None
    low, high = ordered[len(ordered) // 20], ordered[-1 - len(ordered) // 20]
    middle = ordered[len(ordered) // 4 : -(len(ordered) // 4) or None]
    reach = 3 * (middle[-1] - middle[0]) or 3 * (high - low) or abs(high) * 0.1 or 1.0
    low = ordered[0] if ordered[0] >= low - reach else low - reach
    high = ordered[-1] if ordered[-1] <= high + reach else high + reach
    low, high = min([low, *always]), max([high, *always])
    room = (high - low) * 0.04 or abs(high) * 0.05 or 1.0
    return low - room, high + room


def late_limits(curves: Sequence[Curve], *, is_maximized: bool) -> tuple[float, float] | None:
    """The range to draw of curves that start badly: the worst tenth of their points may lie outside of it."""
    ordered = sorted(y for curve in curves for _, y in curve.points)
    if not ordered:
        return None
    cut = len(ordered) // 10
    kept = ordered[cut:] if is_maximized else ordered[: len(ordered) - cut]
    return limits(kept)


def progress(study: Study, say: Texts, *, over: str = "trials") -> Plot | None:
    """The score of each trial of the search, and the best so far, over trials or over summed training seconds."""
    marks, best, line, elapsed = [], None, [], 0.0
    objective, winner = study.objective, study.best
    worst = _worst(study)
    for trial in study.explored:
        elapsed += trial.seconds or 0.0
        x = elapsed if over == "seconds" else float(trial.number)
        if trial.is_candidate and objective.beats(trial.score, best):
            best = trial.score
        if best is not None:
            line.append((x, best))
        state = say.name("state", trial.state)
        value = number(trial.score, objective.unit, digits=2)
        label = say.plain("search.point", number=trial.number, value=value, state=state)
        y = trial.score if trial.score is not None and trial.state != "failed" else worst
        if y is not None:
            role = "winner" if winner is not None and trial.number == winner.number else trial.state
            marks.append(Mark(x, y, label, role))
    if not marks:
        return None
    name = metric_name(say, objective)
    title = say.plain("search.progress_time" if over == "seconds" else "search.progress", metric=name)
    axis = Axis(say.plain("search.time_axis" if over == "seconds" else "search.trial_axis"), _whole(over))
    y_axis = Axis(say.plain("page.on_part", metric=name, part=part_name(say, "validation")), objective.unit)
    scores = [t.score for t in study.explored if t.score is not None and t.state != "failed"]
    curve = Curve(say.plain("search.best_line"), line, "best", step=True)
    ordered = sorted(marks, key=lambda m: m.role == "winner")  # drawn last, so on top
    return Plot(title, axis, y_axis, [curve], ordered, limits(scores, [y for _, y in line[-1:]]))


def scores(study: Study, say: Texts) -> Plot | None:
    """Validation score by epoch of at most 40 trials: the winner, the default and the best of the others."""
    winner = study.best
    chosen = [t for t in study.ranked if winner is not None and t.number == winner.number]
    chosen += [t for t in study.explored if t.number == study.default_trial and t not in chosen]
    chosen += [t for t in study.ranked if t not in chosen]
    curves = []
    for trial in chosen[:MAX_CURVES]:
        points = study.trace(trial).curve("score")
        is_winner = winner is not None and trial.number == winner.number
        label = say.plain("training.curve", number=trial.number)
        if points:
            curves.append(Curve(label, points, "lead" if is_winner else f"thin {trial.state}"))
    if not curves:
        return None
    objective = study.objective
    name = metric_name(say, objective)
    y_axis = Axis(say.plain("page.on_part", metric=name, part=part_name(say, "validation")), objective.unit)
    x_axis = Axis(say.plain("training.epoch_axis"), "whole")
    late = late_limits(curves, is_maximized=objective.direction == "maximize")
    return Plot(say.plain("training.scores", metric=name), x_axis, y_axis, curves[::-1], limits=late)


def losses(trial: Trial, trace: Trace, say: Texts) -> Plot | None:
    """Training and validation loss by epoch of one trial, the kept epoch marked."""
    train, validation = trace.curve("train_loss"), trace.curve("validation_loss")
    if not train and not validation:
        return None
    curves = [
        Curve(say.plain("training.train"), train, "train"),
        Curve(say.plain("training.validation"), validation, "validation"),
    ]
    kept = [y for x, y in validation if x == trial.best_epoch]
    label = say.plain("training.kept", epoch=trial.best_epoch)
    marks = [Mark(float(trial.best_epoch or 0), kept[0], label, "winner")] if kept else []
    every = [y for c in curves for _, y in c.points]
    is_log = min(every) > 0 and max(every) > 30 * min(every)
    x_axis = Axis(say.plain("training.epoch_axis"), "whole")
    y_axis = Axis(say.plain("training.loss_axis"), log=is_log)
    title = say.plain("training.losses", run=_run(trial, say))
    return Plot(title, x_axis, y_axis, curves, marks, None if is_log else limits(every))


def learning_rate(trial: Trial, trace: Trace, say: Texts) -> Plot | None:
    """Learning rate by step of one trial, thinned to what a screen can show."""
    rates = trace.learning_rate
    if not rates:
        return None
    thin = [(float(x), y) for x, y in _thinned(rates, 300)]
    label = say.plain("training.rate_axis")
    title = say.plain("training.rate", run=_run(trial, say))
    curve = Curve(label, thin, "rate")
    top = 1.05 * max(y for _, y in thin) or 1.0  # from zero, so that a constant rate is seen as one
    return Plot(title, Axis(say.plain("training.step_axis"), "whole"), Axis(label), [curve], limits=(0.0, top))


def standing(study: Study, say: Texts) -> Rows | None:
    """The winner and the plain baselines on the test part, in the objective's metric, the best first."""
    measure = study.measure
    if measure is None:
        return None
    winner = say.plain("baselines.winner", number=study.winner_number)
    rows = [Row(winner, measure.value, measure.low, measure.high, "winner")]
    for baseline in study.baselines:
        found = baseline.measures.get(measure.name)
        if found is not None:
            name = say.name("baseline", baseline.title)
            rows.append(Row(name, found.value, found.low, found.high, "other"))
    sign = -1 if measure.direction == "maximize" else 1
    rows.sort(key=lambda r: (r.value is None, sign * (r.value or 0.0)))
    part = part_name(say, study.part)
    title = say.plain("answer.standing", metric=metric_name(say, measure), part=part, rows=say.count("row", study.rows))
    return Rows(title, Axis(say.plain("page.on_part", metric=metric_name(say, measure), part=part), measure.unit), rows)


def by_class(study: Study, say: Texts) -> Rows | None:
    """Recall (or IoU) of each class with its interval, the 20 lowest, the lowest first."""
    key = "iou" if any("iou" in c for c in study.per_class) else "recall"
    rows = [
        Row(str(c.get("name")), finite(c.get(key)), finite(c.get(f"{key}_low")), finite(c.get(f"{key}_high")), "other")
        for c in study.per_class
    ]
    rows = sorted((r for r in rows if r.value is not None), key=lambda r: r.value or 0.0)[:MAX_CLASSES]
    if not rows:
        return None
    name, part = say.name("metric", key), part_name(say, study.part)
    title = say.plain("evaluation.by_class", metric=name, part=part)
    return Rows(title, Axis(say.plain("page.on_part", metric=name, part=part), "percent"), rows)


def class_counts(study: Study, say: Texts) -> Rows | None:
    """Training rows (pixels, for masks) of the 20 largest classes, the largest first."""
    names = study.facts.get("class_names") or ()
    counts = study.facts.get("class_counts") or ()
    if not names or len(names) != len(counts):
        return None
    rows = [Row(str(name), finite(count)) for name, count in zip(names, counts, strict=True)]
    rows.sort(key=lambda r: -(r.value or 0))
    key = "data.pixels" if study.task.get("name") == "semantic_segmentation" else "data.classes"
    return Rows(say.plain(key), Axis("", "whole"), rows[:MAX_CLASSES])


def confusion(study: Study, say: Texts) -> Folded | None:
    """The confusion matrix; beyond 20 classes those with the fewest errors become one."""
    if not study.confusion or not study.confusion.get("counts"):
        return None
    names = [str(n) for n in study.confusion["names"]]
    counts = [[float(n) for n in row] for row in study.confusion["counts"]]
    folded = max(0, len(names) - MAX_CLASSES + 1) if len(names) > MAX_CLASSES else 0
    if folded:
        names, counts = _fold(names, counts, MAX_CLASSES - 1, say.plain("evaluation.others"))
    title = say.plain("evaluation.confusion", part=part_name(say, study.part))
    chart = Heatmap(title, names, counts, say.plain("evaluation.truth"), say.plain("evaluation.answer"))
    return Folded(chart, folded)


def scatter(study: Study, say: Texts) -> Plot | None:
    """Predicted against actual values with the line on which both are equal."""
    pairs = residual_pairs(study)
    if not pairs:
        return None
    target = study.target
    marks = [Mark(actual, predicted, "", "row") for actual, predicted in pairs[:MAX_POINTS]]
    low, high = min(min(p) for p in pairs), max(max(p) for p in pairs)
    line = Curve(say.plain("evaluation.equal"), [(low, low), (high, high)], "equal")
    x, y = say.plain("evaluation.actual", target=target), say.plain("evaluation.predicted", target=target)
    title = say.plain("evaluation.scatter", part=part_name(say, study.part))
    return Plot(title, Axis(x), Axis(y), [line], marks, square=True)


def histogram(study: Study, say: Texts) -> Plot | None:
    """How often each size of error occurs; the one in a hundred farthest out on either side are in the end bins."""
    residuals = sorted(predicted - actual for actual, predicted in residual_pairs(study))
    if not residuals:
        return None
    cut = len(residuals) // 100
    low, high = residuals[cut], residuals[-1 - cut]
    if low == high:
        low, high = low - 0.5, high + 0.5
    bins = max(8, min(40, round(math.sqrt(len(residuals)))))
    size = (high - low) / bins
    counts = [0] * bins
    for value in residuals:
        counts[min(bins - 1, max(0, int((value - low) / size)))] += 1
    points = [(low + i * size, float(n)) for i, n in enumerate(counts)] + [(high, float(counts[-1]))]
    title = say.plain("evaluation.histogram", part=part_name(say, study.part))
    rows = say.plain("evaluation.rows_axis")
    curve = Curve(title, points, "rows", step=True, area=True)
    top = max(counts) * 1.05
    return Plot(title, Axis(say.plain("evaluation.residual")), Axis(rows, "whole"), [curve], limits=(0.0, top))


def residual_pairs(study: Study) -> list[tuple[float, float]]:
    """(actual, predicted) of the rows that the scorecard kept."""
    if not study.residuals:
        return []
    actual, predicted = study.residuals.get("actual") or (), study.residuals.get("predicted") or ()
    pairs = ((finite(a), finite(p)) for a, p in zip(actual, predicted, strict=False))
    return [(a, p) for a, p in pairs if a is not None and p is not None]


def _run(trial: Trial, say: Texts) -> str:
    return say.plain("training.final" if trial.phase == "final" else "training.curve", number=trial.number)


def _whole(over: str) -> Unit:
    return "number" if over == "seconds" else "whole"


def _worst(study: Study) -> float | None:
    """Where a trial without a score is drawn: at the far end of those that have one."""
    sign = 1 if study.objective.direction == "maximize" else -1
    scored = [t.score for t in study.explored if t.score is not None and t.state != "failed"]
    return min(scored, key=lambda s: sign * s) if scored else None


def _thinned(points: Sequence[tuple[int, float]], most: int) -> Sequence[tuple[int, float]]:
    stride = max(1, math.ceil(len(points) / most))
    return [*points[::stride], points[-1]]


def _fold(names: list[str], counts: list[list[float]], keep: int, others: str) -> tuple[list[str], list[list[float]]]:
    """Keeps the `keep` classes with the most errors in their order; the rest become one line and column."""
    size = len(names)
    errors = [sum(counts[i]) + sum(row[i] for row in counts) - 2 * counts[i][i] for i in range(size)]
    kept = sorted(sorted(range(size), key=lambda i: -errors[i])[:keep])
    place = {old: new for new, old in enumerate(kept)}
    folded = [[0.0] * (keep + 1) for _ in range(keep + 1)]
    for i, row in enumerate(counts):
        for j, n in enumerate(row):
            folded[place.get(i, keep)][place.get(j, keep)] += n
    return [names[i] for i in kept] + [others], folded
