"""What a finished search says of itself, as plain rows for the templates: how it went, its space, an ensemble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from mapsto._messages import to_json
from mapsto.report.commands import continuing, predicting
from mapsto.report.figures import metric_name
from mapsto.report.format import clean, exact, number, points
from mapsto.report.study import STATES, Measure, Study, finite
from mapsto.report.text import Texts
from mapsto.report.views import Line, Setting, brief, settings, told, value_and_interval
from mapsto.search.suggestions import Suggestion, announced

MAX_FINDINGS = 20
MAX_FRONT = 50


class SpaceView(NamedTuple):
    """Something that the trials say about the space, and the command that acts on it, if there is one."""

    message: Markup
    command: str


class FrontView(NamedTuple):
    """A trial that no other beats in every objective."""

    number: int
    cells: Sequence[Markup]
    chosen: Sequence[Setting]


class EnsembleView(NamedTuple):
    """The ensemble beside the winner: a table of both, of what it is made, and how it is used."""

    heads: Sequence[str]
    lines: Sequence[Line]
    lead: Markup
    command: str


def lead(study: Study, say: Texts) -> Markup:
    """What was tried first and what was taken over; empty where the search began with nothing but the default."""
    sentences = []
    try:
        first = announced([Suggestion.from_json(s) for s in study.suggested]) if study.suggested else None
    except (KeyError, TypeError, AttributeError):  # a file from elsewhere; the recipes are among the trials anyhow
        first = None
    if first is not None:
        sentences.append(told(clean(first), to_json(first), say, 300))
    if study.continued is not None:
        kept = say.count("trial", int(finite(study.continued.get("kept")) or 0))
        sentences.append(say("search.continued", run=brief(study.continued.get("run")), trials=kept))
        dropped = study.continued.get("dropped") or ()
        if dropped:
            sentences.append(say("search.dropped", trials=say.count("trial", len(dropped))))
    return say.join(*sentences)


def how(study: Study, say: Texts) -> list[tuple[str, Markup | str]]:
    """Counts of all that was trained and the rules of the search, as pairs of words and value."""
    states = [(say.name("state", s), sum(t.state == s for t in study.explored)) for s in STATES]
    counts = ", ".join(say.plain("search.how_many", n=number(n, "whole"), what=what) for what, n in states if n)
    total = number(len(study.explored), "whole")
    pairs: list[tuple[str, Markup | str]] = [(say.plain("search.how_trials"), f"{total} ({counts})")]
    for phase in ("heat", "confirm", "ablate"):
        runs = [t for t in study.trials if t.phase == phase]
        if runs:
            pairs.append((say.plain(f"search.how_{phase}"), say.count("run", len(runs))))
    if study.search:
        sampler, why = say.name("sampler", brief(study.search.get("sampler"))), study.search.get("why")
        proposed = told(why, study.search.get("why_said"), say, 300) if why else sampler
        pairs.insert(0, (say.plain("search.how_proposed"), proposed))
        pruner = say.name("pruner", brief(study.search.get("pruner")))
        fidelity = say.name("fidelity", brief(study.search.get("fidelity")))
        workers, lookahead = (finite(study.search.get(key)) for key in ("workers", "lookahead"))
        pairs.append((say.plain("search.how_pruner"), say.plain("search.how_rule", pruner=pruner, fidelity=fidelity)))
        pairs.append((say.plain("search.how_workers"), number(workers, "whole")))
        key = "search.how_fast" if study.search.get("order") == "fast" else "search.how_exact"
        pairs.append((say.plain("search.how_known"), say.plain(key, n=number(lookahead, "whole"))))
    return pairs


def space(study: Study, say: Texts) -> list[SpaceView]:
    """What the trials say about the space, each with the command that acts on it."""
    return [
        SpaceView(told(f.get("message"), f.get("said"), say, 600), continuing(study.folder, f.get("setting")))
        for f in study.health[:MAX_FINDINGS]
    ]


def front(study: Study, say: Texts) -> tuple[list[str], list[FrontView]]:
    """The trials that no other beats in every objective: heads, and lines in the order of the first objective."""
    heads = [
        say.plain("search.objective", name=objective_name(o, say), direction=say.name("direction", o.direction))
        for o in study.objectives
    ]
    lines = []
    for entry in study.front[:MAX_FRONT]:
        values = entry.get("values") or {}
        cells = [exact(finite(values.get(o.name)), o.unit, digits=2) for o in study.objectives]
        number_ = int(finite(entry.get("number")) or 0)
        lines.append(FrontView(number_, cells, settings(entry.get("chosen") or {})))
    return heads, lines


def objective_name(objective: Measure, say: Texts) -> str:
    """What an objective is called: a metric or a cost."""
    return say.name("cost", objective.name, metric_name(say, objective))


def importance_note(study: Study, say: Texts) -> Markup | None:
    """What the importances follow from, or why there are none; None where nothing was searched."""
    note = study.importance.get("note")
    if not note or len(study.explored) < 2:
        return None
    return told(note, study.importance.get("note_said"), say, 300)


def ensemble(study: Study, say: Texts) -> EnsembleView | None:
    """The ensemble beside the winner; None where there is none."""
    found, measure = study.ensemble, study.measure
    if found is None or measure is None:
        return None
    own = (found.get("metrics") or {}).get(measure.name) or {}
    values = {key: finite(own.get(key)) for key in ("value", "low", "high")}
    theirs = Measure(measure.name, measure.title, **values, direction=measure.direction, percent=measure.percent)
    members = [m for m in found.get("members") or () if isinstance(m, Mapping)]
    heads = [
        say.plain("baselines.model"),
        metric_name(say, measure),
        *(say.plain(f"ensemble.{key}") for key in ("difference", "parameters", "seconds")),
    ]
    cost = {key: (finite(found.get(f"best_{key}")), finite(found.get(key))) for key in ("parameters", "seconds")}
    lines = [
        Line(
            say.plain("training.winner", number=study.winner_number),
            (
                value_and_interval(measure),
                "–",
                number(cost["parameters"][0], "whole"),
                say.duration(cost["seconds"][0]),
            ),
            is_winner=True,
        ),
        Line(
            say.plain("ensemble.name", n=len(members)),
            (
                value_and_interval(theirs),
                _difference(found.get("difference") or {}, measure),
                _multiple(number(cost["parameters"][1], "whole"), *cost["parameters"]),
                _multiple(say.duration(cost["seconds"][1]), *cost["seconds"]),
            ),
        ),
    ]
    listed = ", ".join(f"{m.get('number')} ({number(finite(m.get('weight')), 'percent', digits=0)})" for m in members)
    text = say("ensemble.lead", n=len(members), listed=listed)
    return EnsembleView(heads, lines, text, predicting(study.folder, ensemble=True))


def _difference(found: Mapping[str, Any], measure: Measure) -> Markup:
    """A difference of two values of a metric, with its interval."""
    value, low, high = (points(finite(found.get(key)), percent=measure.percent) for key in ("value", "low", "high"))
    return Markup("{} <small>{}</small>").format(value, "" if "–" in (low, high) else f"{low} – {high}")


def _multiple(text: str, one: float | None, other: float | None) -> Markup:
    """A cost, and how many times the winner's it is."""
    if not one or other is None:
        return Markup("{}").format(text)
    return Markup("{} <small>{}×</small>").format(text, number(float(f"{other / one:.2g}")))
