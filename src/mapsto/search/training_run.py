"""One training inside a run folder: trace, log, checkpoints, and a result at the end whatever happens."""

from __future__ import annotations

import logging
import math
import shutil
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mapsto import _files
from mapsto.errors import DataError, RunError
from mapsto.search.outcome import Outcome, State
from mapsto.training import tensorboard
from mapsto.training.base import Ending, Measurement, Tick
from mapsto.training.loop import TorchTrainer
from mapsto.training.trace import Trace

if TYPE_CHECKING:
    from mapsto.data.prepare import Prepared
    from mapsto.recipe.schema import Recipe
    from mapsto.training.batches import Tensors

logger = logging.getLogger("mapsto")

CHECKPOINT_SECONDS = 2.0
CHECKPOINT_SHARE = 0.02
"""Checkpoints are written every two seconds, or less often where writing them would take more than this share."""


@dataclass(frozen=True)
class Job:
    """A training to be done: the recipe, what it is for, and until when.

    `deadline` is by `time.perf_counter`. `should_prune` is asked after each measurement. `on_tick` is told where the
    training is, a few times a second, with the best score so far.
    """

    recipe: Recipe
    folder: Path
    number: int
    phase: Literal["explore", "confirm", "final"]
    chosen: dict[str, Any] = field(default_factory=dict)
    of: int | None = None
    deadline: float = math.inf
    should_prune: Callable[[Measurement], bool] = lambda measurement: False
    on_tick: Callable[[Tick, float | None], None] = lambda tick, score: None


def execute(
    job: Job, prepared: Prepared, tensors: Tensors, tensorboard_folder: Path
) -> tuple[Outcome, TorchTrainer | None]:
    """Trains a job to its end, going on from its last checkpoint if there is one.

    A fault of the training (out of memory, a recipe that makes no network, divergence) is an outcome with its cause,
    and the study goes on; a run folder that cannot be written and data that no recipe can be scored on raise.

    Returns:
        The outcome, and the trainer with the best weights (None if it failed); the caller closes it.
    """
    _files.write_text(job.folder / "recipe.yaml", job.recipe.to_yaml())
    started = time.perf_counter()
    trainer: TorchTrainer | None = None
    try:
        trainer = TorchTrainer(job.recipe, prepared, tensors, trace=Trace(job.folder / "trace.jsonl"))
        outcome = _Session(job, trainer).train()
    except (RunError, DataError):
        raise
    except Exception as error:  # whatever a recipe does to torch is this trial's outcome, not the end of the study
        logger.debug("trial %s failed", job.number, exc_info=True)
        _log(job.folder, traceback.format_exc())
        cause = " ".join(str(error).split())[:500] or type(error).__name__
        outcome = _outcome(job, trainer, "failed", cause, time.perf_counter() - started)
    if outcome.state == "failed" and trainer is not None:
        trainer.close()
        trainer = None
    outcome.write(job.folder)
    _log(job.folder, f"{outcome.state}: {outcome.cause}; score {outcome.score}")
    tensorboard.export(job.folder / "trace.jsonl", tensorboard_folder / job.folder.name)
    return outcome, trainer


def checkpoint_path(folder: Path) -> Path:
    """Where a trial's checkpoint lies."""
    return folder / "checkpoint" / "state.safetensors"


def drop_checkpoint(folder: Path) -> None:
    """Frees the disk of a trial's checkpoint; its trace and result stay."""
    shutil.rmtree(folder / "checkpoint", ignore_errors=True)


class _Session:
    """Drives a trainer through its epochs and keeps its checkpoints."""

    def __init__(self, job: Job, trainer: TorchTrainer) -> None:
        self.job, self.trainer = job, trainer
        self.saved_at, self.save_cost = time.perf_counter(), 0.0

    def train(self) -> Outcome:
        job, trainer = self.job, self.trainer
        path = checkpoint_path(job.folder)
        if path.exists():
            trainer.restore(path)
            _log(job.folder, f"continued at epoch {trainer.epoch + 1}, step {trainer.step_in_epoch + 1}")
        elif trainer.trace is not None:
            trainer.trace.cut(0)  # what a killed process wrote before its first checkpoint is trained again
        pruned = False
        for measurement in trainer.advance(job.recipe.training.max_epochs, deadline=job.deadline, on_tick=self._tick):
            _log(job.folder, _line(measurement))
            self._tick(Tick(measurement.epoch, job.recipe.training.max_epochs, 0, trainer.steps_per_epoch))
            if trainer.ending is None and job.should_prune(measurement):
                pruned = True
                break
        self._save()
        if pruned:
            return _outcome(job, trainer, "pruned", "other trials were better at the same epoch", trainer.seconds)
        ending = trainer.ending or Ending.COMPLETE
        states: dict[Ending, State] = {Ending.TIME: "stopped", Ending.DIVERGED: "failed"}
        return _outcome(job, trainer, states.get(ending, "complete"), ending.value, trainer.seconds)

    def _tick(self, tick: Tick) -> None:
        best = self.trainer.best
        self.job.on_tick(tick, None if best is None else best.score)
        interval = max(CHECKPOINT_SECONDS, self.save_cost / CHECKPOINT_SHARE)
        if time.perf_counter() - self.saved_at >= interval:
            self._save()

    def _save(self) -> None:
        started = time.perf_counter()
        self.trainer.save(checkpoint_path(self.job.folder))
        self.saved_at = time.perf_counter()
        self.save_cost = self.saved_at - started


def _outcome(job: Job, trainer: TorchTrainer | None, state: State, cause: str, seconds: float) -> Outcome:
    best = None if trainer is None else trainer.best
    return Outcome(
        number=job.number,
        phase=job.phase,
        state=state,
        cause=cause,
        score=None if best is None else best.score,
        best_epoch=0 if best is None else best.epoch,
        epochs=0 if trainer is None else trainer.epoch,
        steps=0 if trainer is None else trainer.epoch * trainer.steps_per_epoch + trainer.step_in_epoch,
        seconds=seconds,
        parameters=0 if trainer is None else trainer.num_parameters,
        chosen=job.chosen,
        seed=job.recipe.training.seed or 0,
        of=job.of,
        fold=job.recipe.data.fold if job.recipe.data.num_folds else None,
    )


def _line(m: Measurement) -> str:
    return (
        f"epoch {m.epoch}: train loss {m.train_loss:.5f}, validation loss {m.validation_loss:.5f}, "
        f"validation score {m.score:.5f}, learning rate {m.learning_rate:.3g}, {m.seconds:.1f} s"
    )


def _log(folder: Path, line: str) -> None:
    with _files.explained(folder / "log.txt"), (folder / "log.txt").open("a", encoding="utf-8") as file:
        file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")
