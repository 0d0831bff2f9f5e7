"""A training to be done, as plain data: whoever gets one needs nothing of the study that it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from mapsto.metrics.base import Direction
from mapsto.search.outcome import Phase


@dataclass(frozen=True)
class Stage:
    """A part of a job: one training.

    Attributes:
        changes: settings of the recipe that are other in this stage, by dotted name.
        data: the folder of the prepared data.
        units: of fidelity that are done after it: rows, pixels, folds or seeds; 0 where its epochs are the units.
        row_share: of the training rows that it sees, in (0, 1].
    """

    changes: Mapping[str, Any]
    data: str
    units: int = 0
    row_share: float = 1.0


@dataclass(frozen=True)
class Limits:
    """What makes a recipe infeasible; None: nothing."""

    parameters: int | None = None
    latency: float | None = None
    memory: int | None = None


@dataclass(frozen=True)
class Job:
    """A recipe to be trained: in one stage, or in several of which only good recipes see the last.

    Attributes:
        name: of its folder under `trials/`.
        folder: where trace, log, checkpoints and result go.
        tensorboard: the folder of its event files.
        leaves: the recipe, every setting filled in.
        number: of the trial.
        phase: what it is for.
        stages: in order; the last one is the recipe itself.
        repeats: the score is the mean over the stages (folds, seeds), and not that of the last one.
        chosen: the values that were searched.
        of: the trial that it repeats, or None.
        starts_from: the trial whose checkpoint it begins with, or None.
        checkpoint: the file to begin with where the job has no checkpoint of its own yet, or None.
        goes_on: that file is an earlier part of this very training.
        epochs: to train from where it begins; None: as many as the recipe says.
        seconds: it may take, at most.
        pruner, known: who decides from its curve that it should end, and what that one knows of other trials.
        directions: of the objectives.
        max_fidelity: units of a whole training.
        limits: beyond which the recipe is infeasible.
        keeps_predictions: the answers on the validation rows are written beside the result.
        refusal: why it cannot be trained; empty: it can.
    """

    name: str
    folder: Path
    tensorboard: Path
    leaves: Mapping[str, Any]
    number: int
    phase: Phase
    stages: tuple[Stage, ...]
    device: str
    seconds: float
    repeats: bool = False
    chosen: Mapping[str, Any] = field(default_factory=dict)
    of: int | None = None
    starts_from: int | None = None
    checkpoint: Path | None = None
    goes_on: bool = False
    epochs: int | None = None
    pruner: str = "off"
    known: Mapping[str, Any] | None = None
    directions: tuple[Direction, ...] = ("maximize",)
    max_fidelity: int = 1
    limits: Limits = Limits()
    keeps_predictions: bool = False
    refusal: str = ""

    def to_json(self) -> dict[str, Any]:
        """In JSON's types; `from_json` takes it back."""
        paths = {name: None if (p := getattr(self, name)) is None else str(p) for name in _PATHS}
        return {**asdict(self), **paths}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Takes what `to_json` gave."""
        made: dict[str, Any] = {
            "stages": tuple(Stage(**stage) for stage in value["stages"]),
            "limits": Limits(**value["limits"]),
            "directions": tuple(value["directions"]),
            **{name: None if value[name] is None else Path(value[name]) for name in _PATHS},
        }
        return cls(**{**value, **made})


_PATHS = ("folder", "tensorboard", "checkpoint")
