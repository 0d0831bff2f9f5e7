"""What became of one training: the result that lies beside its trace."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from mapsto import _files
from mapsto.metrics.base import Direction

State = Literal["complete", "pruned", "stopped", "failed"]
RESULT = "result.json"


@dataclass(frozen=True)
class Outcome:
    """One training, finished one way or another.

    Attributes:
        number: of the trial whose recipe was trained.
        phase: why it was trained: `"explore"`, `"confirm"` (a further seed) or `"final"`.
        state: complete (to its end or early stopping), pruned (others did better), stopped (the time was up), failed.
        cause: why it ended, in words.
        score: best objective on the validation part; None if nothing was measured.
        best_epoch: where it was reached.
        epochs, steps, seconds: how far the training went.
        parameters: trainable numbers of the network.
        chosen: the values that were searched, by dotted name.
        seed: of weights, data order and dropout.
        of: the trial that it repeats with another seed, or None.
        fold: whose rows it was validated on, from 0; None where there are no folds.
    """

    number: int
    phase: Literal["explore", "confirm", "final"]
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

    def write(self, folder: Path) -> None:
        """Writes the result into the trial's folder."""
        _files.write_json(folder / RESULT, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Outcome | None:
        """The result in a trial's folder, or None while it has none."""
        path = folder / RESULT
        return cls(**_files.read_json(path)) if path.exists() else None


def ranked(outcomes: list[Outcome], direction: Direction) -> list[Outcome]:
    """Candidates (complete, or cut by time with a score), the best first, earlier ones before later."""
    scored = [o for o in outcomes if o.state in ("complete", "stopped") and o.score is not None]
    sign = -1 if direction == "maximize" else 1
    return sorted(scored, key=lambda o: (sign * (o.score or 0.0), o.number))
