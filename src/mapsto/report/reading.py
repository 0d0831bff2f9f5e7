"""A run folder to a `Study`, whole or in part.

`results.json` is the answer of a finished study. Where it is not there yet, the same facts are gathered from the
prepared data and the trials that are, so that a study can be looked at while it runs or after it was killed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mapsto._files import read_json
from mapsto.errors import RecipeError, RunError
from mapsto.recipe.families import METRICS, TASKS
from mapsto.recipe.space import Space
from mapsto.report.format import clean, shortened
from mapsto.report.study import STATES, Baseline, Judgment, Measure, Repeats, Study, Trial, finite


def read(folder: Path) -> Study:
    """Reads a run folder.

    Raises:
        RunError: it is not a run folder, or a file in it is damaged.
    """
    if not (folder / "results.json").is_file():
        return _unfinished(folder)
    results = _mapping(_cleaned(read_json(folder / "results.json")), folder / "results.json")
    card = results.get("scorecard") or {}
    winner = results.get("winner") or {}
    objective = _objective(results.get("objective") or {})
    return Study(
        folder=folder,
        name=_name(results.get("name") or folder.name),
        task=results.get("task") or {},
        objective=objective,
        source=_name(results.get("source")),
        target=_name(results.get("target")),
        budget=results.get("budget") or {},
        facts=results.get("facts") or {},
        notes=tuple(results.get("notes") or ()),
        audit=tuple(results.get("audit") or ()),
        trials=tuple(_trial(t) for t in results.get("trials") or ()),
        default_trial=int(results.get("default_trial") or 0),
        winner_number=winner.get("number"),
        winner=_repeats(winner.get("validation")),
        default=_repeats((results.get("default") or {}).get("validation")),
        verdict=str(results.get("verdict") or ""),
        verdict_text=shortened(str(results.get("verdict_text") or ""), 600),
        part=str(card.get("part") or "test"),
        rows=int(card.get("rows") or 0),
        measures=tuple(_measure(name, m) for name, m in (card.get("metrics") or {}).items()),
        per_class=tuple(card.get("per_class") or ()),
        confusion=card.get("confusion"),
        residuals=card.get("residuals"),
        baselines=tuple(_baseline(b, card.get("metrics") or {}) for b in results.get("baselines") or ()),
        worst=tuple(results.get("worst") or ()),
        colors=results.get("colors") or {},
        recipe_yaml=str(results.get("recipe_yaml") or ""),
        environment=results.get("environment") or {},
        finished=str(results.get("finished") or "?"),
        verdict_said=results.get("verdict_said"),
        judgment=_judgment(results.get("judgment")),
        search=results.get("search") or {},
        health=tuple(results.get("health") or ()),
        importance=results.get("importance") or {},
        objectives=tuple(_further(o, objective) for o in results.get("objectives") or ()),
        front=tuple(results.get("front") or ()),
        ablation=tuple(results.get("ablation") or ()),
        ensemble=results.get("ensemble"),
        suggested=tuple(results.get("suggested") or ()),
        continued=results.get("continued"),
    )


def _measure(name: str, values: Mapping[str, Any]) -> Measure:
    return Measure(
        name=name,
        title=_name(values.get("title") or name),
        value=finite(values.get("value")),
        low=finite(values.get("low")),
        high=finite(values.get("high")),
        level=finite(values.get("level")) or 0.95,
        method=_name(values.get("method")),
        direction=str(values.get("direction") or "maximize"),
        percent=bool(values.get("percent")),
    )


def _objective(values: Mapping[str, Any]) -> Measure:
    return _measure(str(values.get("name") or "score"), values)


def _further(values: Mapping[str, Any], first: Measure) -> Measure:
    """One of several objectives: the first one, another metric, or a cost."""
    name = _name(values.get("name"))
    if name == first.name:
        return first
    known = METRICS.get(name) if name in METRICS.names() else None
    title, percent = (known.title, known.percent) if known else (name, False)
    return Measure(name, title, None, direction=str(values.get("direction") or "minimize"), percent=percent)


def _judgment(values: Mapping[str, Any] | None) -> Judgment | None:
    if not values:
        return None
    return Judgment(*(finite(values.get(key)) for key in ("probability_better", "optimism", "corrected_mean")))


def _baseline(values: Mapping[str, Any], card: Mapping[str, Any]) -> Baseline:
    # A baseline's numbers carry no titles of their own: they are the scorecard's metrics on the scorecard's rows.
    metrics = values.get("metrics") or {}
    measures = {
        name: _measure(name, {**card.get(name, {}), "low": None, "high": None, **m}) for name, m in metrics.items()
    }
    name = str(values.get("name") or "")
    seconds = finite(values.get("seconds"))
    difference = values.get("difference") or {}
    low, high = finite(difference.get("low")), finite(difference.get("high"))
    lead = None if low is None or high is None else (low, high)
    title, note = _name(values.get("title") or name), str(values.get("note") or "")
    return Baseline(name, title, measures, seconds, note, lead, values.get("said"))


def _trial(values: Mapping[str, Any]) -> Trial:
    state = str(values.get("state") or "running")
    return Trial(
        number=int(values.get("number") or 0),
        phase=str(values.get("phase") or "explore"),
        state=state if state in STATES else "failed",
        cause=None if values.get("cause") is None else str(values["cause"]),
        score=finite(values.get("score")),
        best_epoch=values.get("best_epoch"),
        epochs=values.get("epochs"),
        seconds=finite(values.get("seconds")),
        parameters=values.get("parameters"),
        chosen=values.get("chosen") or {},
        seed=values.get("seed"),
        of=values.get("of"),
        fold=values.get("fold"),
        values=values.get("values") or {},
    )


def _repeats(values: Mapping[str, Any] | None) -> Repeats | None:
    if not values:
        return None
    scores = tuple(s for s in map(finite, values.get("scores") or ()) if s is not None)
    return Repeats(finite(values.get("mean")), finite(values.get("std")), len(scores), scores)


def _unfinished(folder: Path) -> Study:
    """What there is of a study without `results.json`."""
    trials = _trials_on_disk(folder)
    if not trials and not (folder / "study.yaml").is_file():
        raise RunError(
            f"{folder} is not a run folder: it holds neither results.json nor study.yaml. Give the folder that "
            f"`mapsto tune` named, such as runs/digits."
        )
    prepared = sorted(folder.glob("data/*/prepared.json"))
    data = _mapping(_cleaned(read_json(prepared[-1])), prepared[-1]) if prepared else {}
    facts = data.get("facts") or {}
    recipe = folder / "study.yaml"
    environment, audit = folder / "environment.json", folder / "audit.json"
    task, objective = _plan(recipe, facts)
    return Study(
        folder=folder,
        name=_name(facts.get("name") or folder.name),
        task=task,
        objective=objective,
        source=_name(facts.get("name")),
        target=_name(facts.get("target")),
        budget={},
        facts=facts,
        notes=tuple(data.get("notes") or ()),
        audit=tuple(_cleaned(read_json(audit))) if audit.is_file() else (),
        trials=trials,
        default_trial=0,
        winner_number=None,
        winner=None,
        default=None,
        verdict="",
        verdict_text="",
        part="test",
        rows=0,
        measures=(),
        per_class=(),
        confusion=None,
        residuals=None,
        baselines=(),
        worst=(),
        colors={},
        recipe_yaml=clean(recipe.read_text(encoding="utf-8", errors="replace")) if recipe.is_file() else "",
        environment=_cleaned(read_json(environment)) if environment.is_file() else {},
        finished=None,
    )


def _plan(path: Path, facts: Mapping[str, Any]) -> tuple[Mapping[str, Any], Measure]:
    """The task and the objective of a study that has no results yet, as its recipe and its data name them."""
    leaves: Mapping[str, Any] = {}
    if path.is_file():
        try:
            leaves = Space.from_yaml(path.read_text(encoding="utf-8"), where=str(path)).leaves
        except (RecipeError, UnicodeDecodeError):
            leaves = {}  # a damaged recipe is no reason to hide the trials
    name = str(leaves.get("task.name") or facts.get("task") or "")
    if name not in TASKS.names():
        return {}, Measure("score", "score", None)
    task = TASKS.get(name)
    chosen = str(leaves.get("search.metric") or task.metrics[0])
    metric = METRICS.get(chosen)
    objective = Measure(chosen, metric.title, None, direction=metric.direction, percent=metric.percent)
    return {"name": name, "title": task.title}, objective


def _trials_on_disk(folder: Path) -> tuple[Trial, ...]:
    found = []
    for path in sorted(folder.glob("trials/*")):
        result = path / "result.json"
        if result.is_file():
            found.append(_trial(_mapping(_cleaned(read_json(result)), result)))
        elif path.name.isdigit():
            found.append(Trial(number=int(path.name)))
    return tuple(found)


def _mapping(value: Any, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RunError(f"{path} is damaged: it holds a {type(value).__name__} where an object belongs. Restore it.")
    return value


def _name(value: Any) -> str:
    """A name at a length that a line can hold; nothing as an empty text."""
    return shortened("" if value is None else str(value), 120)


def _cleaned(value: Any) -> Any:
    """JSON data with every text fit for a page, keys too."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(v) for v in value]
    if isinstance(value, dict):
        return {clean(k): _cleaned(v) for k, v in value.items()}
    return value
