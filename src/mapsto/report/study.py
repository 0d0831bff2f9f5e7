"""A run folder, read for a person: what the report needs of it, whole or in part.

`results.json` is the answer of a finished study. Where it is not there yet, the same facts are gathered from the
prepared data and the trials that are, so that a study can be looked at while it runs or after it was killed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mapsto._files import read_json
from mapsto.errors import RunError
from mapsto.report.format import Unit, clean

PROGRESS_STATES = ("complete", "pruned", "stopped", "failed", "running")
"""What can have become of a trial; `running` is one without a result: under way, or cut off."""


@dataclass(frozen=True)
class Measure:
    """One metric on one data part, with its interval where there is one (None where it is not known or defined)."""

    name: str
    title: str
    value: float | None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    method: str = ""
    direction: str = "maximize"
    percent: bool = False

    @property
    def unit(self) -> Unit:
        """How its numbers are written."""
        return "percent" if self.percent else "number"

    @property
    def has_interval(self) -> bool:
        return self.low is not None and self.high is not None

    def beats(self, value: float | None, other: float | None) -> bool:
        """Whether `value` is better than `other`; nothing is worse than no value."""
        if value is None or other is None:
            return value is not None
        return value > other if self.direction == "maximize" else value < other


@dataclass(frozen=True)
class Trial:
    """One run of the study: `phase` is `explore`, `confirm` (a finalist again, with another seed) or `final`."""

    number: int
    phase: str = "explore"
    state: str = "running"
    cause: str | None = None
    score: float | None = None
    best_epoch: int | None = None
    epochs: int | None = None
    seconds: float | None = None
    parameters: int | None = None
    chosen: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    of: int | None = None


@dataclass(frozen=True)
class Repeats:
    """Validation scores of one recipe over several seeds."""

    mean: float | None
    std: float | None
    n: int
    scores: tuple[float, ...] = ()


@dataclass(frozen=True)
class Baseline:
    name: str
    title: str
    measures: Mapping[str, Measure]
    seconds: float | None
    note: str


@dataclass(frozen=True)
class Trace:
    """What a trial recorded, in order; a part that was trained again after an interruption counts once."""

    epochs: tuple[Mapping[str, Any], ...] = ()
    learning_rate: tuple[tuple[int, float], ...] = ()

    def curve(self, key: str) -> tuple[tuple[float, float], ...]:
        """(epoch, value) of one recorded number, where it is finite."""
        points = ((finite(e.get("epoch")), finite(e.get(key))) for e in self.epochs)
        return tuple((x, y) for x, y in points if x is not None and y is not None)


@dataclass(frozen=True)
class Study:
    """All that the pages show, cleaned of characters that no page can hold.

    `finished` is the time the study ended, or None where it did not; then `winner_number`, `scorecard` and the
    like are empty, and only `trials`, `facts` and `notes` speak.
    """

    folder: Path
    name: str
    task: Mapping[str, Any]
    objective: Measure
    source: str
    target: str
    budget: Mapping[str, Any]
    facts: Mapping[str, Any]
    notes: tuple[Mapping[str, Any], ...]
    trials: tuple[Trial, ...]
    default_trial: int
    winner_number: int | None
    winner: Repeats | None
    default: Repeats | None
    verdict: str
    verdict_text: str
    part: str
    rows: int
    measures: tuple[Measure, ...]
    per_class: tuple[Mapping[str, Any], ...]
    confusion: Mapping[str, Any] | None
    residuals: Mapping[str, Any] | None
    baselines: tuple[Baseline, ...]
    worst: tuple[Mapping[str, Any], ...]
    recipe_yaml: str
    environment: Mapping[str, Any]
    finished: str | None

    @property
    def explored(self) -> list[Trial]:
        """The trials of the search itself, in order."""
        return [t for t in self.trials if t.phase == "explore"]

    @property
    def ranked(self) -> list[Trial]:
        """The explored trials, the best score first, those without one last."""
        sign = -1 if self.objective.direction == "maximize" else 1
        return sorted(self.explored, key=lambda t: (t.score is None, sign * (t.score or 0.0), t.number))

    @property
    def best(self) -> Trial | None:
        """The winner, or the best trial so far."""
        if self.winner_number is not None:
            return next((t for t in self.trials if t.number == self.winner_number), None)
        scored = [t for t in self.ranked if t.score is not None]
        return scored[0] if scored else None

    @property
    def fitted(self) -> Trial | None:
        """The run whose network was kept and tested: the final one of the winner, else the winner's own."""
        best = self.best
        finals = [t for t in self.trials if t.phase == "final" and best is not None and t.of == best.number]
        return finals[-1] if finals else best

    @property
    def measure(self) -> Measure | None:
        """The objective's metric on the test part."""
        return next((m for m in self.measures if m.name == self.objective.name), None)

    def trace(self, number: int, *, steps: bool = False) -> Trace:
        """The trace of a trial, with the learning rate of every step if `steps`."""
        return _read_trace(self.folder / "trials" / f"{number:04d}" / "trace.jsonl", steps)


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
        name=str(results.get("name") or folder.name),
        task=results.get("task") or {},
        objective=objective,
        source=str(results.get("source") or ""),
        target=str(results.get("target") or ""),
        budget=results.get("budget") or {},
        facts=results.get("facts") or {},
        notes=tuple(results.get("notes") or ()),
        trials=tuple(_trial(t) for t in results.get("trials") or ()),
        default_trial=int(results.get("default_trial") or 0),
        winner_number=winner.get("number"),
        winner=_repeats(winner.get("validation")),
        default=_repeats((results.get("default") or {}).get("validation")),
        verdict=str(results.get("verdict") or ""),
        verdict_text=str(results.get("verdict_text") or ""),
        part=str(card.get("part") or "test"),
        rows=int(card.get("rows") or 0),
        measures=tuple(_measure(name, m) for name, m in (card.get("metrics") or {}).items()),
        per_class=tuple(card.get("per_class") or ()),
        confusion=card.get("confusion"),
        residuals=card.get("residuals"),
        baselines=tuple(_baseline(b, card.get("metrics") or {}) for b in results.get("baselines") or ()),
        worst=tuple(results.get("worst") or ()),
        recipe_yaml=str(results.get("recipe_yaml") or ""),
        environment=results.get("environment") or {},
        finished=str(results.get("finished") or "?"),
    )


def finite(value: Any) -> float | None:
    """The value as a float, or None where it is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _measure(name: str, values: Mapping[str, Any]) -> Measure:
    return Measure(
        name=name,
        title=str(values.get("title") or name),
        value=finite(values.get("value")),
        low=finite(values.get("low")),
        high=finite(values.get("high")),
        level=finite(values.get("level")) or 0.95,
        method=str(values.get("method") or ""),
        direction=str(values.get("direction") or "maximize"),
        percent=bool(values.get("percent")),
    )


def _objective(values: Mapping[str, Any]) -> Measure:
    return _measure(str(values.get("name") or "score"), values)


def _baseline(values: Mapping[str, Any], card: Mapping[str, Any]) -> Baseline:
    # A baseline's numbers carry no titles of their own: they are the scorecard's metrics on the scorecard's rows.
    metrics = values.get("metrics") or {}
    measures = {name: _measure(name, {**card.get(name, {}), "low": None, "high": None, **m}) for name, m in metrics.items()}
    name = str(values.get("name") or "")
    seconds = finite(values.get("seconds"))
    return Baseline(name, str(values.get("title") or name), measures, seconds, str(values.get("note") or ""))


def _trial(values: Mapping[str, Any]) -> Trial:
    state = str(values.get("state") or "running")
    return Trial(
        number=int(values["number"]),
        phase=str(values.get("phase") or "explore"),
        state=state if state in PROGRESS_STATES else "failed",
        cause=None if values.get("cause") is None else str(values["cause"]),
        score=finite(values.get("score")),
        best_epoch=values.get("best_epoch"),
        epochs=values.get("epochs"),
        seconds=finite(values.get("seconds")),
        parameters=values.get("parameters"),
        chosen=values.get("chosen") or {},
        seed=values.get("seed"),
        of=values.get("of"),
    )


def _repeats(values: Mapping[str, Any] | None) -> Repeats | None:
    if not values:
        return None
    scores = tuple(s for s in map(finite, values.get("scores") or ()) if s is not None)
    return Repeats(finite(values.get("mean")), finite(values.get("std")), int(values.get("n") or len(scores)), scores)


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
    environment = folder / "environment.json"
    task, objective = _plan(recipe, facts)
    return Study(
        folder=folder,
        name=str(facts.get("name") or folder.name),
        task=task,
        objective=objective,
        source=str(facts.get("name") or ""),
        target=str(facts.get("target") or ""),
        budget={},
        facts=facts,
        notes=tuple(data.get("notes") or ()),
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
        recipe_yaml=clean(recipe.read_text(encoding="utf-8", errors="replace")) if recipe.is_file() else "",
        environment=_cleaned(read_json(environment)) if environment.is_file() else {},
        finished=None,
    )


def _trials_on_disk(folder: Path) -> tuple[Trial, ...]:
    found = []
    for path in sorted(p for p in folder.glob("trials/*") if p.name.isdigit()):
        result = path / "result.json"
        if result.is_file():
            found.append(_trial(_mapping(_cleaned(read_json(result)), result)))
        else:
            found.append(Trial(number=int(path.name)))
    return tuple(found)


def _read_trace(path: Path, steps: bool) -> Trace:
    epochs: dict[int, Mapping[str, Any]] = {}
    rates: dict[int, float] = {}
    if not path.is_file():
        return Trace()
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                continue  # half a line: the run was cut off while it wrote it
            if entry.get("kind") == "epoch":
                epochs[int(entry["epoch"])] = entry
            elif steps and entry.get("kind") == "steps":
                first = int(entry.get("first") or 0)
                rates.update({first + i: float(r) for i, r in enumerate(entry.get("learning_rate") or ()) if finite(r)})
    return Trace(tuple(epochs[e] for e in sorted(epochs)), tuple(sorted(rates.items())))


def _mapping(value: Any, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RunError(f"{path} is damaged: it holds a {type(value).__name__} where an object belongs. Restore it.")
    return value


def _cleaned(value: Any) -> Any:
    """JSON data with every text fit for a page, keys too."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(v) for v in value]
    if isinstance(value, dict):
        return {clean(k): _cleaned(v) for k, v in value.items()}
    return value
