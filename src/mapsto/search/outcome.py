"""What became of one training: the result that lies beside its trace."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from mapsto import _files
from mapsto.metrics.base import Direction

State = Literal["complete", "pruned", "stopped", "failed", "infeasible"]
Phase = Literal["explore", "heat", "confirm", "ablate", "final"]
Point = tuple[int, tuple[float, ...]]
"""Units of fidelity that were done (epochs, mostly), and every objective then, the first one first."""

RESULT = "result.json"


@dataclass(frozen=True)
class Outcome:
    """One training, finished one way or another.

    Attributes:
        number: of the trial whose recipe was trained.
        phase: why it was trained: `"explore"`, `"heat"` (a further seed, to find the finalists), `"confirm"` (a
            finalist's further seed or fold), `"ablate"` (a recipe between the default and the winner) or `"final"`.
        state: complete (to its end or early stopping), pruned (others did better), stopped (the time was up), failed,
            infeasible (beyond a limit that the user set, or too large for the memory).
        cause: why it ended, in words.
        score: best objective on the validation part; None if nothing was measured.
        best_epoch: where it was reached.
        epochs, steps, seconds: how far the training went.
        parameters: trainable numbers of the network.
        chosen: the values that were searched, by dotted name.
        seed: of weights, data order and dropout.
        of: the trial that it repeats with another seed, or None.
        fold: whose rows it was validated on, from 0; None where there are no folds.
        starts_from: the trial whose checkpoint it began with, or None.
        curve: the objectives over the fidelity, in order; see `Point`.
        values: every objective by name, where there is more than one; those of the best epoch.
        accumulate_steps: pieces that a batch went through the network in, raised where the memory was too small.
        violations: limits that it is beyond, by name, and by how much, relative to the limit.
    """

    number: int
    phase: Phase
    state: State
    cause: str
    score: float | None
    best_epoch: int
    epochs: int
    steps: int
    seconds: float
    parameters: int
    chosen: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    of: int | None = None
    fold: int | None = None
    starts_from: int | None = None
    curve: tuple[Point, ...] = ()
    values: dict[str, float] = field(default_factory=dict)
    accumulate_steps: int = 1
    violations: dict[str, float] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Writes the result into the trial's folder."""
        _files.write_json(folder / RESULT, self.to_json())

    def to_json(self) -> dict[str, Any]:
        """In JSON's types, which know no NaN: an objective that was no finite number is null."""
        curve = [[unit, [value if math.isfinite(value) else None for value in values]] for unit, values in self.curve]
        return {**asdict(self), "curve": curve}

    @classmethod
    def read(cls, folder: Path) -> Outcome | None:
        """The result in a trial's folder, or None while it has none."""
        path = folder / RESULT
        return cls.from_json(_files.read_json(path)) if path.exists() else None

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Outcome:
        """Takes what `to_json` gave."""
        curve = tuple(
            (int(unit), tuple(math.nan if value is None else float(value) for value in point))
            for unit, point in values.get("curve", ())
        )
        return cls(**{**values, "curve": curve})


def is_candidate(outcome: Outcome) -> bool:
    """Whether a training may win: complete, or cut by time, with a score."""
    return outcome.state in ("complete", "stopped") and outcome.score is not None


def ranked(outcomes: list[Outcome], direction: Direction) -> list[Outcome]:
    """Candidates (complete, or cut by time with a score), the best first, earlier ones before later."""
    scored = [outcome for outcome in outcomes if is_candidate(outcome)]
    sign = -1 if direction == "maximize" else 1
    return sorted(scored, key=lambda o: (sign * (o.score or 0.0), o.number))
