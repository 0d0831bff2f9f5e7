"""What the progress display knows: the snapshots of a study, gathered into a few plain records."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mapsto.report.format import number, setting
from mapsto.search.progress import PHASES, PlanView, Progress

SILENT_SECONDS = 10.0
"""A trial that was not heard of for so long is shown as silent: it may be validating, or its worker may hang."""

CHANGE = 0.2
"""A share by which a part of the plan must change to be told again."""
UNFIT = ("failed", "infeasible")
"""States of trials that lead nothing, whatever they scored."""


@dataclass(frozen=True)
class Row:
    """A trial as it was last heard of, at `heard` by `time.monotonic`; `state` is `"running"` until it has ended."""

    trial: int
    score: float | None
    epoch: int
    max_epochs: int
    chosen: Mapping[str, Any]
    state: str
    step: int = 0
    steps_per_epoch: int = 0
    heard: float = field(default_factory=time.monotonic, compare=False)


@dataclass
class Board:
    """Gathers what a study tells.

    Attributes:
        latest: the last snapshot.
        heard: when it came, by `time.monotonic`.
        rows: the explored trials that were heard of, by number.
        running: the trials that are being trained, in whatever phase, by number.
        plan: how the budget is divided, as far as is known.
    """

    latest: Progress = field(default_factory=lambda: Progress(phase="prepare"))
    heard: float = field(default_factory=time.monotonic)
    rows: dict[int, Row] = field(default_factory=dict)
    running: dict[int, Row] = field(default_factory=dict)
    plan: PlanView | None = None

    def see(self, progress: Progress) -> None:
        """Takes in a snapshot."""
        if progress.phase != self.latest.phase:
            self.running.clear()
        self.latest, self.heard = progress, time.monotonic()
        self.plan = progress.plan or self.plan
        if progress.trial is None:
            return
        row = Row(
            trial=progress.trial,
            score=progress.score,
            epoch=progress.epoch,
            max_epochs=progress.max_epochs,
            chosen=progress.chosen,
            state=progress.state or "running",
            step=progress.step,
            steps_per_epoch=progress.steps_per_epoch,
            heard=self.heard,
        )
        if progress.state is not None:
            self.running.pop(row.trial, None)
        elif progress.max_epochs:
            self.running[row.trial] = row
        if progress.phase == "explore":
            known = self.rows.get(row.trial)
            self.rows[row.trial] = row if known is None or row.score is not None else replace(row, score=known.score)

    def at_work(self) -> list[Row]:
        """The trials that are being trained, in the order of their numbers."""
        return [self.running[trial] for trial in sorted(self.running)]

    def silence(self, row: Row) -> float:
        """Seconds since a trial was heard of, where that is worth a word; else 0."""
        silent = time.monotonic() - row.heard
        return silent if silent > SILENT_SECONDS else 0.0

    def leaders(self, count: int) -> list[Row]:
        """The trials with the best scores so far, the best first; one that is still running among them."""
        scored = [row for row in self.rows.values() if row.score is not None and row.state not in UNFIT]
        sign = -1 if self.latest.direction == "maximize" else 1
        return sorted(scored, key=lambda row: (sign * (row.score or 0.0), row.trial))[:count]

    @property
    def best(self) -> tuple[float, int] | None:
        """The best score so far and its trial, those of an earlier sitting included."""
        found = [(row.score, row.trial) for row in self.leaders(1) if row.score is not None]
        if self.latest.best is not None and self.latest.best_trial is not None:
            found.append((self.latest.best, self.latest.best_trial))
        pick = max if self.latest.direction == "maximize" else min
        return pick(found, key=lambda pair: pair[0]) if found else None

    @property
    def elapsed(self) -> float:
        """Seconds since the study began, now."""
        return self.latest.elapsed + time.monotonic() - self.heard

    @property
    def share(self) -> float | None:
        """How much of the budget (of time, else of trials) is used, in [0, 1]; None if there is none."""
        if self.latest.budget:
            return min(1.0, self.elapsed / self.latest.budget)
        if self.latest.n_trials:
            return min(1.0, self.latest.ended / self.latest.n_trials)
        return None

    @property
    def time_left(self) -> str:
        """How long it will still take, as far as that is known; else how long it has taken."""
        if self.latest.budget:
            return f"{clock(max(0.0, self.latest.budget - self.elapsed))} left of {clock(self.latest.budget)}"
        if self.latest.n_trials and self.latest.ended and self.latest.phase == "explore":
            each = self.latest.elapsed / self.latest.ended
            return f"about {clock(each * max(0, self.latest.n_trials - self.latest.ended))} of exploring left"
        return f"{clock(self.elapsed)} so far"

    @property
    def plan_text(self) -> str:
        """How the rest of the budget is to be used, in one line; empty where that is not known, or is used."""
        plan, phase = self.plan, self.latest.phase
        if plan is None:
            return ""
        runs = "run" if plan.confirm_runs == 1 else "runs"
        parts = {
            "explore": f"explore until {clock(plan.explore_until)}",
            "confirm": f"confirm {plan.confirm_runs} {runs} ~{clock(plan.confirm_seconds)}",
            "final": f"final {clock(plan.final_seconds)}",
            "test": f"test {clock(plan.test_seconds)}",
        }
        begun = PHASES.index(phase)
        return " · ".join(text for name, text in parts.items() if PHASES.index(name) >= begun)

    def text_of(self, score: float | None) -> str:
        """A score as a person reads it."""
        return number(score, "percent" if self.latest.percent else "number", digits=2)


def has_changed(before: PlanView, after: PlanView) -> bool:
    """Whether a plan is so different from an earlier one that it is worth another word."""
    pairs = [
        (getattr(before, name), getattr(after, name))
        for name in ("run_seconds", "explore_until", "confirm_runs", "confirm_seconds", "final_seconds")
    ]
    return any(abs(new - old) > CHANGE * max(old, 1.0) for old, new in pairs)


def clock(seconds: float) -> str:
    """A duration as on a clock.

    Example:
        >>> clock(75.2), clock(3675)
        ('1:15', '1:01:15')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def choices(chosen: Mapping[str, Any]) -> str:
    """What was chosen for a trial, in one line; a setting is named without its section where that is clear.

    Example:
        >>> choices({"optimizer.name": "adam", "optimizer.learning_rate": 0.00312})
        'optimizer adam · learning_rate 0.00312'
    """
    words = []
    for name, value in chosen.items():
        section, _, leaf = name.rpartition(".")
        words.append(f"{section if leaf == 'name' else leaf} {setting(value)}")
    return " · ".join(words) or "default"
