"""What a finished search says of itself, as plain rows for the templates: how it went, its space, an ensemble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from markupsafe import Markup

from mapsto.report.commands import continuing, predicting
from mapsto.report.figures import metric_name
from mapsto.report.format import exact, number, points, shortened
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
        sentences.append(Markup("{}").format(shortened(say.message(first), 300)))
    if study.continued is not None:
        kept = say.count("trial", int(finite(study.continued.get("kept")) or 0))
        sentences.append(say("search.continued", run=brief(study.continued.get("run")), trials=kept))
        dropped = study.continued.get("dropped") or ()
        if dropped:
            sentences.append(say("search.dropped", trials=say.count("trial", len(dropped))))
    return say.join(*sentences)


def how(study: Study, say: Texts) -> list[tuple[str, Markup | str]]:
    """The rules of the search and counts of all that was trained, as pairs of words and value."""
    states = [(say.name("state", s), sum(t.state == s for t in study.explored)) for s in STATES]
    counts = [say.plain("search.how_many", n=number(n, "whole"), what=what) for what, n in states if n]
    total = number(len(study.explored), "whole")
    pairs: list[tuple[str, Markup | str]] = [
        (
            say.plain("search.how_trials"),
            say("search.how_all", total=total, counts=say.plain("page.comma").join(counts)),
        )
    ]
    for phase in ("heat", "confirm", "ablate"):
        runs = [t for t in study.trials if t.phase == phase]
        if runs:
            pairs.append((say.plain(f"search.how_{phase}"), say.count("run", len(runs))))
    return [*_rules(study, say), *pairs] if study.search else pairs


def _rules(study: Study, say: Texts) -> list[tuple[str, Markup | str]]:
    """What proposed recipes and what stopped them, how many were trained at once, and what each could know."""
    known = study.search
    sampler, pruner, fidelity = (
        say.name(family, brief(known.get(family))) for family in ("sampler", "pruner", "fidelity")
    )
    why = told(known["why"], known.get("why_said"), say, 300) if known.get("why") else sampler
    exact_or_fast = "search.how_fast" if known.get("order") == "fast" else "search.how_exact"
    return [
        (say.plain("search.how_proposed"), why),
        (say.plain("search.how_pruner"), say.plain("search.how_rule", pruner=pruner, fidelity=fidelity)),
        (say.plain("search.how_workers"), number(finite(known.get("workers")), "whole")),
        (say.plain("search.how_known"), say.plain(exact_or_fast, n=number(finite(known.get("lookahead")), "whole"))),
    ]


def space(study: Study, say: Texts) -> list[SpaceView]:
    """What the trials say about the space, each with the command that acts on it."""
    return [
        SpaceView(
            told(f.get("message"), f.get("said"), say, 600),
            continuing(study.folder, f.get("setting"), study.recipe_yaml),
        )
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
        lines.append(FrontView(int(finite(entry.get("number")) or 0), cells, settings(entry.get("chosen") or {})))
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
    value, low, high = (finite(own.get(key)) for key in ("value", "low", "high"))
    theirs = replace(measure, value=value, low=low, high=high)
    members = [m for m in found.get("members") or () if isinstance(m, Mapping)]
    (few, many), (short, long) = (
        (finite(found.get(f"best_{key}")), finite(found.get(key))) for key in ("parameters", "seconds")
    )
    winner = (value_and_interval(measure), "–", number(few, "whole"), say.duration(short))
    together = (
        value_and_interval(theirs),
        _difference(found.get("difference") or {}, measure),
        _multiple(number(many, "whole"), few, many),
        _multiple(say.duration(long), short, long),
    )
    heads = (say.plain(f"ensemble.{key}") for key in ("difference", "parameters", "seconds"))
    return EnsembleView(
        [say.plain("baselines.model"), metric_name(say, measure), *heads],
        [
            Line(say.plain("training.winner", number=study.winner_number), winner, is_winner=True),
            Line(say.plain("ensemble.name", n=len(members)), together),
        ],
        say("ensemble.lead", n=len(members), listed=_members(members, say)),
        predicting(study.folder, study.recipe_yaml, ensemble=True),
    )


def _members(members: Sequence[Mapping[str, Any]], say: Texts) -> str:
    """The trials of the members with their shares; the final training of the winner counts as its trial."""
    shares: dict[int, float] = {}
    for member in members:
        place = int(finite(member.get("number")) or 0)
        shares[place] = shares.get(place, 0.0) + (finite(member.get("weight")) or 0.0)
    return say.plain("page.comma").join(
        say.plain("ensemble.member", number=place, weight=number(share, "percent", digits=0))
        for place, share in sorted(shares.items(), key=lambda pair: -pair[1])
    )


def _difference(found: Mapping[str, Any], measure: Measure) -> Markup:
    """A difference of two values of a metric, with its interval."""
    value, low, high = (points(finite(found.get(key)), percent=measure.percent) for key in ("value", "low", "high"))
    return Markup("{} <small>{}</small>").format(value, "" if "–" in (low, high) else f"{low} – {high}")


def _multiple(text: str, one: float | None, other: float | None) -> Markup:
    """A cost, and how many times the winner's it is."""
    if not one or other is None:
        return Markup("{}").format(text)
    return Markup("{} <small>{}×</small>").format(text, number(float(f"{other / one:.2g}")))
