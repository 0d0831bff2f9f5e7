"""The tables and lists of the page as plain rows, ready for the templates, with every size bounded."""

from __future__ import annotations

import base64
import binascii
import re
import statistics
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from mapsto.report.figures import metric_name, part_name
from mapsto.report.format import clean, decimals, exact, number, setting, shortened
from mapsto.report.study import Measure, Study, Trial, finite
from mapsto.report.text import Texts

MAX_TRIALS = 100
MAX_COLUMNS = 200
MAX_NOTES = 50
MAX_ERRORS = 12
MAX_VALUES = 24
MAX_TEXT = 1200
MAX_PICTURE = 100_000
"""Characters of an embedded picture; twelve of them keep the page well under 2 MB."""

_COLOR = re.compile(r"#[0-9a-f]{6}")
_PNG = re.compile(r"data:image/png;base64,([A-Za-z0-9+/]+={0,2})")


class Setting(NamedTuple):
    """A chosen setting: its short name, its whole dotted name, its value."""

    short: str
    name: str
    value: str


class Place(NamedTuple):
    """A line of the leaderboard."""

    rank: str
    trial: Trial
    marks: Sequence[Markup]
    score: Markup
    state: str
    epochs: Markup | str
    seconds: str
    parameters: str
    chosen: Sequence[Setting]


class Finalist(NamedTuple):
    """A recipe that was trained again with other seeds or folds."""

    number: int
    scores: str
    mean: Markup
    std: Markup
    n: int


class Mistake(NamedTuple):
    """A badly wrong row with what the network saw: a picture, a text or the row's values."""

    row: str
    name: str
    truth: str
    answer: str
    badness: Markup
    is_right: bool = False
    picture: str = ""
    is_small: bool = False
    masks: Sequence[tuple[str, str]] = ()
    """Words for what is shown, and the picture of it: the truth and the answer where they are images themselves."""
    text: str = ""
    values: Sequence[tuple[str, str]] = ()
    num_left_out: int = 0


class Line(NamedTuple):
    """A line of a table of metrics: a name and one cell a metric."""

    name: str
    cells: Sequence[Markup | str]
    seconds: str = ""
    note: str = ""
    is_winner: bool = False


def settings(chosen: Mapping[str, Any]) -> list[Setting]:
    """Chosen settings by the shortest name that is clear: the last part, or the section for its `name`."""
    shorts = [n.removesuffix(".name") if n.endswith(".name") else n.rsplit(".", 1)[-1] for n in chosen]
    return [
        Setting(shortened(short if shorts.count(short) == 1 else name, 40), name, shortened(setting(value), 40))
        for short, (name, value) in zip(shorts, chosen.items(), strict=True)
    ]


def leaderboard(study: Study, say: Texts) -> list[Place]:
    """The explored trials, the best first, at most a hundred."""
    places = []
    for rank, trial in enumerate(study.ranked[:MAX_TRIALS], start=1):
        marks = []
        if study.best is not None and trial.number == study.best.number:
            marks.append(say("search.winner_mark" if study.finished else "search.best_mark"))
        if trial.number == study.default_trial:
            marks.append(say("search.default_mark"))
        epochs: Markup | str = "–"
        if trial.best_epoch is not None and trial.epochs is not None:
            epochs = say("search.of_epochs", best=trial.best_epoch, all=trial.epochs)
        score = exact(trial.score, study.objective.unit, digits=2)
        state = say.name("state", trial.state)
        parameters = number(trial.parameters, "whole")
        seconds = say.duration(trial.seconds)
        row = Place(str(rank) if trial.is_candidate else "–", trial, marks, score, state, epochs, seconds, parameters,
                    settings(trial.chosen))  # fmt: skip
        places.append(row)
    return places


def finalists(study: Study) -> list[Finalist]:
    """Recipes of the final, the winner first, then those with the most runs; who was out earlier has fewer of them.

    The winner and the default are as the study recorded them. The runs of heats are none of the final.
    """
    unit, found = study.objective.unit, []
    repeats = [t for t in study.trials if t.phase == "confirm" and t.state == "complete"]
    recorded = {study.winner_number: study.winner, study.default_trial: study.default}
    for original in sorted({t.of for t in repeats if t.of is not None}):
        known = recorded.get(original)
        scores = known.scores if known else tuple(t.score for t in repeats if t.of == original and t.score is not None)
        if not scores:
            continue
        mean = statistics.fmean(scores)
        std = statistics.stdev(scores) if len(scores) > 1 else None
        listed = ", ".join(number(s, unit, digits=2) for s in scores[:20])
        line = Finalist(original, listed, exact(mean, unit, digits=2), exact(std, unit, digits=2), len(scores))
        found.append((mean, line))
    sign = -1 if study.objective.direction == "maximize" else 1
    return [line for _, line in sorted(found, key=lambda p: (p[1].number != study.winner_number, -p[1].n, sign * p[0]))]


def metrics(study: Study, say: Texts) -> list[Line]:
    """The scorecard: value, interval, level with method, direction."""
    return [
        Line(metric_name(say, m), (_value(m), _interval(m), _method(m, say), say.name("direction", m.direction)))
        for m in study.measures
    ]


def classes(study: Study, say: Texts) -> tuple[list[str], list[Line]]:
    """Numbers of each class: heads and lines, at most a hundred."""
    keys = [k for k in ("rows", "pixels", "precision", "recall", "f1", "iou") if any(k in c for c in study.per_class)]
    heads = [say.plain("evaluation.class"), *("F1" if k == "f1" else say.name("metric", k) for k in keys)]
    lines = []
    for entry in study.per_class[:MAX_TRIALS]:
        cells = [exact(finite(entry.get(k)), "whole" if k in ("rows", "pixels") else "percent") for k in keys]
        lines.append(Line(brief(entry.get("name")), cells))
    return heads, lines


def baselines(study: Study, say: Texts) -> tuple[list[str], list[Line]]:
    """The winner and the plain baselines in every metric, the best first."""
    heads = [metric_name(say, m) for m in study.measures]
    winner = say.plain("baselines.winner", number=study.winner_number)
    run = study.fitted
    seconds = say.duration(run.seconds if run else None)
    ranked = [
        (study.measure, Line(winner, [value_and_interval(m) for m in study.measures], seconds, "", is_winner=True))
    ]
    for baseline in study.baselines:
        cells = [
            value_and_interval(baseline.measures[m.name]) if m.name in baseline.measures else "–"
            for m in study.measures
        ]
        name = say.name("baseline", baseline.title)
        note = shortened(say.told(baseline.note, baseline.said), 300)
        line = Line(brief(name), cells, say.duration(baseline.seconds), note)
        ranked.append((baseline.measures.get(study.objective.name), line))
    sign = -1 if study.objective.direction == "maximize" else 1
    ranked.sort(key=lambda pair: sign * pair[0].value if pair[0] and pair[0].value is not None else float("inf"))
    return heads, [line for _, line in ranked]


def mistakes(study: Study, say: Texts) -> list[Mistake]:
    """The worst errors, at most twelve, each with its example and how wrong it is in the terms of the task."""
    task = str(study.task.get("name") or "")
    family = "multilabel" if task.startswith("multilabel_") else task.rsplit("_", 1)[-1]
    found = []
    for entry in study.worst[:MAX_ERRORS]:
        badness = finite(entry.get("badness"))
        match family:
            case "classification":
                share = None if badness is None else 1 - badness
                words = say("errors.badness_classification", value=exact(share, "percent"))
            case "multilabel":
                words = say("errors.badness_multilabel", value=exact(badness))
            case "regression":
                words = say("errors.badness_regression", value=exact(badness))
            case "segmentation":
                words = say("errors.badness_segmentation", value=exact(badness, "percent"))
            case _:
                words = say("errors.badness", value=exact(badness))
        is_right = family in ("classification", "multilabel") and entry.get("truth") == entry.get("answer")
        masks = [(say.plain(f"errors.{k}"), picture) for k, picture in _pictures(entry).items()]
        found.append(_mistake(entry)._replace(badness=words, is_right=is_right, masks=masks))
    return found


def _pictures(entry: Mapping[str, Any]) -> dict[str, str]:
    given = entry.get("pictures") or {}
    found = {kind: picture_of(str(given.get(kind) or ""))[0] for kind in ("truth", "answer")}
    return {kind: picture for kind, picture in found.items() if picture}


def colors(study: Study) -> list[tuple[str, str]]:
    """(color, class) of the pictures of masks; only what is a color goes into a style."""
    named = [(str(color), brief(name)) for name, color in study.colors.items()]
    return [(color, name) for color, name in named if _COLOR.fullmatch(color)]


def _mistake(entry: Mapping[str, Any]) -> Mistake:
    example = entry.get("example") or {}
    truth, answer = (shortened(_word(entry.get(k)), 120) for k in ("truth", "answer"))
    row, name = str(entry.get("row", "")), brief(entry.get("name"))
    base = Mistake(row, name if name != row else "", truth, answer, Markup(""))
    kind = example.get("kind")
    if kind == "image":
        picture, is_small = picture_of(str(example.get("png") or ""))
        return base._replace(picture=picture or "none", is_small=is_small)
    if kind == "text":
        return base._replace(text=shortened(str(example.get("text") or ""), MAX_TEXT))
    values = [(brief(k), shortened(_word(v), 120)) for k, v in (example.get("values") or {}).items()]
    return base._replace(values=values[:MAX_VALUES], num_left_out=max(0, len(values) - MAX_VALUES))


def picture_of(uri: str) -> tuple[str, bool]:
    """The data URI if it holds a PNG of bearable size, else nothing; and whether its pixels should be seen as squares.

    A run folder may come from a stranger, so what is put into `src` must be a picture and nothing else.
    """
    found = _PNG.fullmatch(uri) if len(uri) <= MAX_PICTURE else None
    if found is None:
        return "", False
    try:
        head = base64.b64decode(found[1][:44], validate=True)
    except binascii.Error:
        return "", False
    if head[:8] != b"\x89PNG\r\n\x1a\n" or len(head) < 24:
        return "", False
    pixels: tuple[int, int] = struct.unpack(">II", head[16:24])
    return uri, max(pixels) <= 64


def columns(study: Study, say: Texts) -> list[Sequence[str]]:
    """Name, kind, missing, different values, use of each column; at most two hundred."""
    rows: list[Sequence[str]] = []
    for entry in (study.facts.get("columns") or ())[:MAX_COLUMNS]:
        kind = say.name("kind", str(entry.get("kind") or ""))
        missing, unique = (number(finite(entry.get(k)), "whole") for k in ("missing", "unique"))
        used_as = say.name("used", brief(entry.get("used_as")))
        rows.append((brief(entry.get("name")), kind, missing, unique, used_as))
    return rows


def notes(study: Study, level: str, say: Texts) -> list[tuple[str, Markup]]:
    """(column, message) of the notes of one level."""
    found = [n for n in study.notes if (n.get("level") or "info") == level]
    return [(brief(n.get("column") or ""), told(n.get("message"), n.get("said"), say, 600)) for n in found[:MAX_NOTES]]


MOST_OF_A_CHECK = 8
"""Findings of one check that the page shows; a table of thousands of columns may have as many."""


class FindingView(NamedTuple):
    """One finding of the audit, as the page shows it."""

    title: str
    column: str
    message: Markup
    action: Markup
    examples: tuple[str, ...]
    is_warning: bool
    is_safe: bool


def findings(study: Study, say: Texts) -> tuple[list[FindingView], int]:
    """What the audit found, warnings first, and how many findings are left out."""
    shown: list[FindingView] = []
    counts: dict[str, int] = {}
    for found in study.audit:
        check = str(found.get("check") or "")
        counts[check] = counts.get(check, 0) + 1
        said = found.get("said") or {}
        if counts[check] <= MOST_OF_A_CHECK:
            shown.append(
                FindingView(
                    title=say.name("check", check, check.replace("_", " ")),
                    column=shortened(str(found.get("column") or ""), 60),
                    message=told(found.get("message"), said.get("message"), say, 400),
                    action=told(found.get("action"), said.get("action"), say, 300),
                    examples=tuple(shortened(str(example), 120) for example in (found.get("examples") or ())[:10]),
                    is_warning=found.get("level") == "warning",
                    is_safe=bool(found.get("safe")),
                )
            )
    return shown, len(study.audit) - len(shown)


def facts(study: Study, say: Texts) -> list[tuple[str, str]]:
    """What else is known of the prepared data, as pairs of words and value."""
    known = study.facts
    pairs = []
    shape = list(known.get("input_shape") or ())
    if len(shape) == 1 and not known.get("vocabulary_size"):
        pairs.append((say.plain("data.features"), number(finite(shape[0]), "whole")))
    elif shape:
        pairs.append((say.plain("data.shape"), " × ".join(str(n) for n in shape)))
    if known.get("vocabulary_size"):
        pairs.append((say.plain("data.vocabulary"), number(finite(known["vocabulary_size"]), "whole")))
    return pairs


def parts(study: Study, say: Texts) -> list[tuple[str, str, int]]:
    """(part, its name, rows) of the training, validation and test part."""
    counts = study.facts.get("part_counts") or {}
    return [(p, part_name(say, p), int(counts[p])) for p in ("train", "validation", "test") if counts.get(p)]


def environment(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """The recorded environment as flat pairs, nested names joined by dots; at most eighty."""
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            pairs += environment(value, f"{prefix}{name}.")
        else:
            pairs.append((shortened(f"{prefix}{name}", 80), shortened(_word(value), 200)))
    return pairs[:80]


def brief(value: object) -> str:
    """A name from the data, cut to a length that a table can hold."""
    return shortened("" if value is None else str(value), 120)


def told(message: object, said: object, say: Texts, limit: int) -> Markup:
    """A sentence of another room in the language of the page, or marked as English where there is no other."""
    english = "" if message is None else str(message)
    text = say.told(english, said)
    shown = _ticked(shortened(text, limit))
    return Markup('<span lang="en">{}</span>').format(shown) if text is english else shown


def _ticked(message: str) -> Markup:
    """A message with what stands between back ticks as code; all of it escaped."""
    pieces = message.split("`")
    if len(pieces) % 2 == 0:  # a tick without its partner is a character like others
        return Markup("{}").format(message)
    form = (Markup("<code>{}</code>") if i % 2 else Markup("{}") for i in range(len(pieces)))
    return Markup("").join(f.format(piece) for f, piece in zip(form, pieces, strict=True))


def _word(value: object) -> str:
    """A value as one would write it: lists joined, floats short, nothing as a dash."""
    if value is None or value == "":
        return "–"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, Iterable) and not isinstance(value, str | Mapping):
        return ", ".join(_word(v) for v in value)
    return clean(str(value))


def _value(measure: Measure) -> Markup:
    return exact(measure.value, measure.unit, digits=decimals(measure.low, measure.high))


def _interval(measure: Measure) -> Markup | str:
    if not measure.has_interval:
        return "–"
    digits = decimals(measure.low, measure.high)
    low, high = (exact(v, measure.unit, digits=digits) for v in (measure.low, measure.high))
    return Markup("{} – {}").format(low, high)


def _method(measure: Measure, say: Texts) -> str:
    if not measure.has_interval:
        return measure.method or "–"
    return f"{number(measure.level, 'percent', digits=0)}, {say.name('method', measure.method)}"


def value_and_interval(measure: Measure) -> Markup | str:
    """A value, and its interval in small print where there is one."""
    if not measure.has_interval:
        return _value(measure)
    return Markup("{} <small>{}</small>").format(_value(measure), _interval(measure))
