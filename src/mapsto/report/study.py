"""A study as the report sees it: plain frozen records, and what follows from them.

`mapsto.report.reading` makes them from a run folder.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mapsto.report.format import Unit

STATES = ("complete", "pruned", "stopped", "infeasible", "failed", "running")
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
    """One training of the study, as `mapsto.search.outcome.Outcome` describes it.

    `number` is that of the recipe, so a trial and its repeats share it. What was stopped early as poor, was beyond a
    limit, or failed may have a score and is still no candidate.
    """

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
    fold: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_candidate(self) -> bool:
        """Whether it could have won: trained to its end or as far as the time went, with a score."""
        return self.state in ("complete", "stopped") and self.score is not None

    @property
    def folder(self) -> str:
        """Where its trace lies, under `trials/`."""
        return "final" if self.phase == "final" else f"{self.number:04d}"


@dataclass(frozen=True)
class Repeats:
    """Validation scores of one recipe over several seeds or folds."""

    mean: float | None
    std: float | None
    n: int
    scores: tuple[float, ...] = ()


@dataclass(frozen=True)
class Judgment:
    """What can be said of the winner beside the default: see `mapsto.evaluation.selection.Judgment`."""

    probability_better: float | None
    optimism: float | None
    corrected_mean: float | None


@dataclass(frozen=True)
class Baseline:
    """A plain model and its metrics on the rows of the scorecard."""

    name: str
    title: str
    measures: Mapping[str, Measure]
    seconds: float | None
    note: str
    lead: tuple[float, float] | None = None
    """Ends of the interval of the winner's value of the objective minus this one's, on the same rows."""
    said: object = None
    """What the note was made from, as the file has it (see `mapsto._messages`)."""


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
    audit: tuple[Mapping[str, Any], ...]
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
    colors: Mapping[str, str]
    recipe_yaml: str
    environment: Mapping[str, Any]
    finished: str | None
    verdict_said: object = None
    """What the verdict was made from, as the file has it (see `mapsto._messages`)."""
    judgment: Judgment | None = None
    search: Mapping[str, Any] = field(default_factory=dict)
    health: tuple[Mapping[str, Any], ...] = ()
    importance: Mapping[str, Any] = field(default_factory=dict)
    objectives: tuple[Measure, ...] = ()
    """Every objective, the first one first."""
    front: tuple[Mapping[str, Any], ...] = ()
    ablation: tuple[Mapping[str, Any], ...] = ()
    ensemble: Mapping[str, Any] | None = None
    suggested: tuple[Mapping[str, Any], ...] = ()
    continued: Mapping[str, Any] | None = None
    """These nine are as `mapsto.search.lessons` and its neighbors write them; empty in the results of old studies."""

    @property
    def explored(self) -> list[Trial]:
        """The trials of the search itself, in order."""
        return [t for t in self.trials if t.phase == "explore"]

    @property
    def test_looks(self) -> int:
        """How often the test part had been looked at before, by the studies that this one continues."""
        return int(finite((self.continued or {}).get("test_looks")) or 0)

    @property
    def has_folds(self) -> bool:
        """Whether recipes were run again on other folds, and not with other seeds only."""
        return any(t.fold is not None for t in self.trials)

    def repeated(self, key: str) -> str:
        """The key of a sentence about repeats, in its wording for folds where there are folds."""
        return f"{key}_folds" if self.has_folds else key

    @property
    def ranked(self) -> list[Trial]:
        """The explored trials: candidates by score, then what was stopped early, was beyond a limit, or failed."""
        sign = -1 if self.objective.direction == "maximize" else 1
        order = ("complete", "stopped", "pruned", "running", "infeasible", "failed")
        return sorted(
            self.explored,
            key=lambda t: (0 if t.is_candidate else order.index(t.state), sign * (t.score or 0.0), t.number),
        )

    @property
    def best(self) -> Trial | None:
        """The winner, or the best trial so far."""
        if self.winner_number is not None:
            return next((t for t in self.explored if t.number == self.winner_number), None)
        return next((t for t in self.ranked if t.is_candidate), None)

    @property
    def fitted(self) -> Trial | None:
        """The training whose network was kept and tested: the final one, or the winner's own where that one failed."""
        finals = [t for t in self.trials if t.phase == "final" and t.is_candidate]
        return finals[-1] if finals else self.best

    @property
    def measure(self) -> Measure | None:
        """The objective's metric on the test part."""
        return next((m for m in self.measures if m.name == self.objective.name), None)

    def trace(self, trial: Trial, *, steps: bool = False) -> Trace:
        """The trace of an explored trial or the final training, with the learning rate of its steps if `steps`."""
        return read_trace(self.folder / "trials" / trial.folder / "trace.jsonl", steps)


def finite(value: Any) -> float | None:
    """The value as a float, or None where it is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def read_trace(path: Path, steps: bool) -> Trace:
    """Reads a trace up to its last whole line; one that is not there is empty."""
    epochs: dict[int, Mapping[str, Any]] = {}
    rates: dict[int, float] = {}
    if not path.is_file():
        return Trace()
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                break  # half a line: the run was cut off while it wrote it
            if entry.get("kind") == "epoch":
                epochs[int(entry["epoch"])] = entry
            elif steps and entry.get("kind") == "steps":
                first, stride = int(entry.get("first") or 0), int(entry.get("stride") or 1)
                values = enumerate(entry.get("learning_rate") or ())
                rates.update({first + i * stride: r for i, rate in values if (r := finite(rate)) is not None})
    return Trace(tuple(epochs[e] for e in sorted(epochs)), tuple(sorted(rates.items())))
