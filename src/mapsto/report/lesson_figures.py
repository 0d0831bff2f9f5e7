"""What the charts of a finished search show: trade-offs, importances, and the path from the default to the winner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mapsto.recipe.sections import COSTS
from mapsto.report.figures import limits, metric_name, part_name
from mapsto.report.format import number, points, setting, shortened
from mapsto.report.lessons import objective_name
from mapsto.report.study import Measure, Study, finite
from mapsto.report.svg import Axis, Curve, Mark, Plot, Row, Rows, Step, Waterfall
from mapsto.report.text import Texts
from mapsto.report.views import settings

MAX_SETTINGS = 12
MAX_STEPS = 20


def front(study: Study, say: Texts) -> Plot | None:
    """The first objective against the second: every trial that has both, and those that no other beats."""
    if len(study.objectives) < 2 or not study.front:
        return None
    first, second = study.objectives[:2]
    best = {int(finite(entry.get("number")) or 0) for entry in study.front}
    winner = study.winner_number
    marks = []
    for trial in study.explored:
        x, y = finite(trial.values.get(second.name)), finite(trial.values.get(first.name))
        if x is None or y is None:
            continue
        role = "winner" if trial.number == winner else "front" if trial.number in best else "faint"
        label = f"{say.plain('training.curve', number=trial.number)}: {_value(y, first)}, {_value(x, second)}"
        marks.append(Mark(x, y, label, role))
    if not marks:
        return None
    marks.sort(key=lambda mark: ("faint", "front", "winner").index(mark.role))
    line = sorted((m.x, m.y) for m in marks if m.role == "front" or (m.role == "winner" and winner in best))
    curves = [Curve(say.plain("search.front_line"), line, "thin")] if len(study.objectives) == 2 else []
    xs = [m.x for m in marks]
    is_log = min(xs) > 0 and max(xs) > 10 * min(xs)
    title = say.plain("search.front_title", first=objective_name(first, say), second=objective_name(second, say))
    ordered = sorted((m.y for m in marks), reverse=first.direction == "minimize")
    # The worst quarter may lie on the edge, so that the front, which is what matters, is not flattened.
    shown = limits(ordered[len(ordered) // 4 :], [m.y for m in marks if m.role != "faint"])
    return Plot(title, _axis(second, say, log=is_log), _axis(first, say), curves, marks, shown)


def importances(study: Study, say: Texts) -> Rows | None:
    """Two bars a setting: its importance by fANOVA and by PED-ANOVA, the greatest first."""
    fanova, ped = (_shares(study.importance.get(key)) for key in ("fanova", "ped_anova"))
    if not fanova and not ped:
        return None
    names = sorted(fanova | ped, key=lambda name: (-fanova.get(name, 0.0), -ped.get(name, 0.0), name))[:MAX_SETTINGS]
    rows = []
    for entry in settings(dict.fromkeys(names, "")):
        known = [
            Row(entry.short, found.get(entry.name), role=role)
            for found, role in ((fanova, "first"), (ped, "second"))
            if found
        ]
        rows += [known[0], *(row._replace(label="") for row in known[1:])]
    return Rows(say.plain("search.importance"), Axis("", "percent"), rows)


def ablation(study: Study, say: Texts) -> Waterfall | None:
    """The gains of the changes that lead from the default recipe to the winner, one after the other."""
    objective, at, steps = study.objective, 0.0, []
    scale = 100.0 if objective.percent else 1.0
    for entry in study.ablation[:MAX_STEPS]:
        gain, low, high = (finite(entry.get(key)) for key in ("gain", "low", "high"))
        left, right = (None if end is None else scale * (at + end) for end in (low, high))
        start, at = at, at + (gain or 0.0)
        text = "–" if gain is None else points(gain, percent=objective.percent)
        steps.append(Step(_change(entry), scale * start, scale * at, text, left, right))
    if not steps:
        return None
    total = say.plain("search.ablation_total", number=study.winner_number)
    steps.append(Step(total, 0.0, scale * at, points(at, percent=objective.percent), role="winner"))
    metric, part = metric_name(say, objective), part_name(say, "validation")
    key = "search.ablation_points" if objective.percent else "search.ablation_gain"
    return Waterfall(say.plain("search.ablation"), Axis(say.plain(key, metric=metric, part=part)), steps)


def _change(step: Mapping[str, Any]) -> str:
    """`learning_rate 0.002 → 0.00701`, for each setting that changed in this step."""
    before, after = step.get("before") or {}, step.get("after") or {}
    names = settings(dict.fromkeys(map(str, step.get("settings") or ()), ""))
    ends = ((name.short, before.get(name.name), after.get(name.name)) for name in names)
    return "; ".join(f"{short} {_end(old)} → {_end(new)}" for short, old, new in ends)


def _end(value: Any) -> str:
    return "–" if value is None else shortened(setting(value), 24)


def _shares(found: Any) -> dict[str, float]:
    values = found.items() if isinstance(found, Mapping) else ()
    return {str(name): share for name, value in values if (share := finite(value)) is not None}


def _axis(objective: Measure, say: Texts, *, log: bool = False) -> Axis:
    name = objective_name(objective, say)
    if objective.name not in COSTS:
        name = say.plain("page.on_part", metric=name, part=part_name(say, "validation"))
    return Axis(name, objective.unit, log)


def _value(value: float, objective: Measure) -> str:
    return number(value, objective.unit, digits=2)
