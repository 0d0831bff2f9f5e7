"""The charts of each section, drawn, with their legends and notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from mapsto.report import figures, lesson_figures, lessons, svg
from mapsto.report.format import number
from mapsto.report.study import STATES, Study, finite
from mapsto.report.text import Texts


class Key(NamedTuple):
    """One entry of a legend."""

    swatch: Markup
    label: str


class Figure(NamedTuple):
    """A drawn chart with what stands around it."""

    title: str
    picture: Markup
    legend: Sequence[Key] = ()
    note: str | Markup = ""
    wide: bool = False


def standing(study: Study, say: Texts) -> Figure | None:
    """The winner among the plain baselines, where there are any."""
    chart = figures.standing(study, say)
    if chart is None or len(chart.rows) < 2:
        return None
    low, high = svg.focus(chart.rows)
    is_cut = any(row.value is not None and not low <= row.value <= high for row in chart.rows)
    return Figure(chart.title, svg.intervals(chart), note=say("answer.outside") if is_cut else "")


def search_figures(study: Study, say: Texts) -> list[Figure]:
    """Progress over trials and over time."""
    found = []
    for over in ("trials", "seconds"):
        chart = figures.progress(study, say, over=over)
        if chart is not None:
            roles = dict.fromkeys(m.role for m in chart.marks)
            keys = [Key(svg.swatch("curve", "best"), say.plain("search.best_line"))]
            lead = _lead(study, say)
            keys += [
                Key(svg.swatch("mark", role), lead if role == "winner" else say.name("state", role))
                for role in ("winner", *STATES)
                if role in roles
            ]
            found.append(Figure(chart.title, svg.plot(chart), keys))
    return found


def front_figure(study: Study, say: Texts) -> Figure | None:
    """The first objective against the second, where there are several."""
    chart = lesson_figures.front(study, say)
    if chart is None:
        return None
    words = {
        "winner": _lead(study, say),
        "front": say.plain("search.front_mark"),
        "faint": say.plain("training.others"),
    }
    roles = {mark.role for mark in chart.marks}
    keys = [Key(svg.swatch("mark", role), label) for role, label in words.items() if role in roles]
    count = len(study.objectives)
    note = say("search.front_note", n=count) if count > 2 else ""
    return Figure(chart.title, svg.plot(chart), keys, note)


def lesson_drawings(study: Study, say: Texts) -> list[Figure]:
    """How much each setting decides, and what each change on the way from the default to the winner brought."""
    found = []
    rows = lesson_figures.importances(study, say)
    if rows is not None:
        keys = [
            Key(svg.swatch("bar", role), say.plain(f"search.{name}"))
            for role, name in (("first", "fanova"), ("second", "ped_anova"))
            if any(row.role == role for row in rows.rows)
        ]
        note = say.join(lessons.importance_note(study, say) or Markup(""), say("search.importance_note"))
        found.append(Figure(rows.title, svg.bars(rows), keys, note))
    steps = lesson_figures.ablation(study, say)
    if steps is not None:
        seeds = max(int(finite(step.get("num_seeds")) or 0) for step in study.ablation)
        note = say("search.ablation_note", seeds=say.count("seed", seeds))
        found.append(Figure(steps.title, svg.waterfall(steps), note=note))
    return found


def _lead(study: Study, say: Texts) -> str:
    """What the trial that is highlighted is called."""
    best = study.best.number if study.best else None
    return say.plain("training.winner" if study.finished else "training.best", number=best)


def training_figures(study: Study, say: Texts) -> list[Figure]:
    """Validation curves of the trials, then losses and learning rate of the run that was kept."""
    found = []
    chart, run = figures.scores(study, say), study.fitted
    if chart is not None and study.best is not None:
        keys = [
            Key(svg.swatch("curve", "lead"), _lead(study, say)),
            Key(svg.swatch("curve", "thin"), say.plain("training.others")),
        ]
        shown = number(len(chart.curves), "whole")
        note = say("training.scores_note", shown=shown, all=say.count("trial", len(study.explored)))
        found.append(Figure(chart.title, svg.plot(chart), keys, note))
    if run is None:
        return found
    trace = study.trace(run, steps=True)
    chart = figures.losses(run, trace, say)
    if chart is not None:
        keys = [Key(svg.swatch("curve", c.role), c.label) for c in chart.curves]
        keys += [Key(svg.swatch("mark", m.role), m.label) for m in chart.marks]
        found.append(Figure(chart.title, svg.plot(chart), keys))
    chart = figures.learning_rate(run, trace, say)
    if chart is not None:
        found.append(Figure(chart.title, svg.plot(chart)))
    return found


def evaluation_figures(study: Study, say: Texts) -> list[Figure]:
    """Confusion matrix and classes, or predicted against actual and the residuals."""
    found = []
    folded = figures.confusion(study, say)
    if folded is not None:
        note = say("evaluation.confusion_note")
        if folded.num_folded:
            others = say.plain("evaluation.others")
            note = say.join(note, say("evaluation.folded", n=folded.num_folded, name=others))
        if svg.shows_shares(folded.chart):
            note = say.join(note, say("evaluation.shares"))
        found.append(Figure(folded.chart.title, svg.heatmap(folded.chart), (), note, len(folded.chart.names) > 12))
    rows = figures.by_class(study, say)
    if rows is not None:
        found.append(Figure(rows.title, svg.intervals(rows)))
    chart = figures.scatter(study, say)
    if chart is not None:
        note = say("evaluation.drawn", n=number(len(chart.marks), "whole"), rows=say.count("row", study.rows))
        keys = [Key(svg.swatch("curve", "equal"), say.plain("evaluation.equal"))]
        found.append(Figure(chart.title, svg.plot(chart), keys, note if len(chart.marks) < study.rows else ""))
    chart = figures.histogram(study, say)
    if chart is not None:
        found.append(Figure(chart.title, svg.plot(chart), note=say("evaluation.tails")))
    return found
