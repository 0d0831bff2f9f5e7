"""One job inside a run folder: trace, log, checkpoints, and a result at the end whatever happens."""

from __future__ import annotations

import logging
import math
import shutil
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mapsto import _files
from mapsto.adapters.trainers import trainer_for
from mapsto.data.prepared import load_prepared
from mapsto.errors import DataError, RunError
from mapsto.recipe.families import PRUNERS
from mapsto.recipe.schema import Recipe
from mapsto.search.costs import Costs
from mapsto.search.jobs import Job, Stage
from mapsto.search.outcome import Outcome, Point, State
from mapsto.search.problem import Problem
from mapsto.training import checkpoint, tensorboard, trace
from mapsto.training.base import Ending, Measurement, Tick
from mapsto.training.fitted import Fitted
from mapsto.training.trace import Trace

if TYPE_CHECKING:
    from mapsto.search.store import Loaded
    from mapsto.training.epochs import EpochTrainer

logger = logging.getLogger("mapsto")

CHECKPOINT_SECONDS = 2.0
CHECKPOINT_SHARE = 0.02
"""Checkpoints are written every two seconds, or less often where writing them would take more than this share."""

SMALLER = 3
"""How often a batch that is too large for the memory is halved, before the recipe counts as infeasible."""

VALIDATION = "validation.npy"
"""Predictions of a run on the validation part."""

STAGE = "stage.json"
"""In the folder of a stage that is over: its points."""

OnTick = Callable[[Tick, "float | None"], None]


def execute(job: Job, loaded: Loaded, on_tick: OnTick) -> Outcome:
    """Trains a job to its end, going on from its last checkpoint if there is one, and writes its result.

    A fault of the training (out of memory, a recipe that makes no network, divergence) is an outcome with its cause,
    and the study goes on; a run folder that cannot be written and data that no recipe can be scored on raise.

    Args:
        job: what to do.
        loaded: the data.
        on_tick: told where the training is, a few times a second, with the best score so far.
    """
    work = _Work(job, loaded, on_tick)
    try:
        outcome = work.done()
    except (RunError, DataError):
        raise
    except Exception as error:  # whatever a recipe does to torch is this trial's outcome, not the end of the study
        logger.debug("trial %s failed", job.number, exc_info=True)
        log(job.folder, traceback.format_exc())
        outcome = work.outcome("failed", " ".join(str(error).split())[:500] or type(error).__name__)
    finally:
        work.close()
    outcome.write(job.folder)
    log(job.folder, f"{outcome.state}: {outcome.cause}; score {outcome.score}")
    tensorboard.export(job.folder / "trace.jsonl", job.tensorboard / job.name)
    return outcome


def checkpoint_path(folder: Path) -> Path:
    """Where a trial's checkpoint lies."""
    return folder / "checkpoint" / "state.safetensors"


def drop_checkpoint(folder: Path) -> None:
    """Frees the disk of a trial's checkpoint; its trace and result stay."""
    shutil.rmtree(folder / "checkpoint", ignore_errors=True)


def fitted(job: Job) -> Fitted:
    """The model of a job that is over, with its best weights, from its checkpoint.

    Raises:
        RunError: the checkpoint is gone or damaged.
    """
    tensors, values = checkpoint.read(checkpoint_path(job.folder))
    weights = {name.removeprefix("best."): t for name, t in tensors.items() if name.startswith("best.")}
    stage = job.stages[0 if job.repeats else -1]
    return Fitted(Recipe.from_leaves(values["recipe"]), load_prepared(Path(stage.data)).preprocessing, weights)


def load_trainer(job: Job, loaded: Loaded) -> EpochTrainer:
    """The trainer of a job that is over, with its best weights, from its checkpoint.

    Raises:
        RunError: the checkpoint is gone or damaged.
    """
    stage = job.stages[0 if job.repeats else -1]
    recipe = Recipe.from_yaml((job.folder / "recipe.yaml").read_bytes(), where=str(job.folder / "recipe.yaml"))
    trainer = trainer_for(recipe, *loaded.get(Path(stage.data)))
    trainer.restore(checkpoint_path(job.folder))
    return trainer


def log(folder: Path, line: str) -> None:
    """Adds a line to a trial's log."""
    with _files.explained(folder / "log.txt"), (folder / "log.txt").open("a", encoding="utf-8") as file:
        file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")


class _Infeasible(Exception):
    """The recipe is beyond a limit."""


class _Work:
    """Takes a job through its stages."""

    def __init__(self, job: Job, loaded: Loaded, on_tick: OnTick) -> None:
        self.job, self.loaded, self.on_tick = job, loaded, on_tick
        self.recipe = Recipe.from_leaves(dict(job.leaves))
        self.deadline = time.perf_counter() + job.seconds
        self.started = time.perf_counter()
        self.pruner = PRUNERS.get(job.pruner)()
        self.problem = Problem({}, job.directions, max_fidelity=job.max_fidelity)
        self.costs = Costs(self.recipe, job.limits)
        self.points: list[Point] = []
        self._spent: list[tuple[int, int, float]] = []  # epochs, steps, seconds of each stage that is over
        self.trainer: EpochTrainer | None = None
        self.saved_at, self.save_cost = time.perf_counter(), 0.0

    def done(self) -> Outcome:
        """The outcome of all stages, or of those that were worth it."""
        if self.job.refusal:
            return self.outcome("failed", self.job.refusal)
        try:
            for index, stage in enumerate(self.job.stages):
                outcome = self._stage(index, stage)
                is_last = index + 1 == len(self.job.stages)
                if outcome.state != "complete" or is_last:
                    return outcome
                if self.job.known is not None and self.pruner.stops(self.problem, dict(self.job.known), self.points):
                    return replace(outcome, state="pruned", cause="other trials were better with as much")
        except _Infeasible as error:
            return self.outcome("infeasible", str(error))
        raise AssertionError("a job has a stage")

    def close(self) -> None:
        if self.trainer is not None:
            self.trainer.close()
            self.trainer = None

    # -- one stage ----------------------------------------------------------------------------------------------

    def _stage(self, index: int, stage: Stage) -> Outcome:
        """Trains a stage, or reads what it gave before an interruption; in smaller pieces if memory asks for it."""
        folder = self._folder(index)
        if (folder / STAGE).exists():
            return self._known(_files.read_json(folder / STAGE))
        recipe = self.recipe.replace(stage.changes) if stage.changes else self.recipe
        for attempt in range(SMALLER + 1):
            try:
                outcome = self._train(recipe, stage, folder)
                break
            except Exception as error:
                pieces = 2 * recipe.training.accumulate_steps
                if not _is_out_of_memory(error):
                    raise
                self.close()
                if attempt == SMALLER or 2 * pieces > recipe.training.batch_size:
                    self.costs.violations["memory"] = 1.0
                    raise _Infeasible(f"out of memory, also in {recipe.training.accumulate_steps} pieces") from error
                recipe = recipe.replace({"training.accumulate_steps": pieces})
                log(self.job.folder, f"out of memory; goes on with each batch in {pieces} pieces")
        if stage.units and outcome.state == "complete":
            outcome = self._counted(stage, outcome, folder)
        elif outcome.state == "stopped" and self._spent:
            # A part of a stage is no score beside whole ones: what came before it counts.
            self._spent.append((outcome.epochs, outcome.steps, outcome.seconds))
            outcome = self._with_points(outcome)
        return outcome

    def _folder(self, index: int) -> Path:
        """The stage that is the recipe itself lies in the trial's own folder."""
        own = 0 if self.job.repeats else len(self.job.stages) - 1
        return self.job.folder if index == own else self.job.folder / f"stage{index + 1}"

    def _train(self, recipe: Recipe, stage: Stage, folder: Path) -> Outcome:
        job = self.job
        _files.write_text(folder / "recipe.yaml", recipe.to_yaml())
        prepared, tensors = self.loaded.get(Path(stage.data))
        if stage.row_share < 1.0:
            rows = prepared.parts["train"]
            fewer = np.random.default_rng(recipe.seed).choice(rows, max(2, round(stage.row_share * len(rows))), False)
            prepared = replace(prepared, parts={**prepared.parts, "train": np.sort(fewer)})
        trainer = self.trainer = trainer_for(recipe, prepared, tensors, trace=Trace(folder / "trace.jsonl"))
        self._go_on(trainer, folder)
        self.costs.look(trainer)
        if self.costs.violations:
            raise _Infeasible(self.costs.said())
        epochs = recipe.training.max_epochs
        until = epochs if job.epochs is None else min(epochs, trainer.epoch + job.epochs)
        by_epoch, pruned = stage.units == 0, False
        if by_epoch:
            self.points = self._recorded(folder)
        tick = self._ticks(folder)
        for measurement in trainer.advance(until, deadline=self.deadline, on_tick=tick):
            log(job.folder, _line(measurement))
            if by_epoch:
                self.points.append((measurement.epoch, self._objectives(measurement)))
            tick(Tick(measurement.epoch, epochs, 0, trainer.steps_per_epoch))
            going = trainer.ending is None and trainer.epoch < until
            if going and by_epoch and job.known is not None:
                pruned = self.pruner.stops(self.problem, dict(job.known), self.points)
                if pruned:
                    break
        self._save(folder)
        if pruned:
            return self.outcome("pruned", "other trials were better at the same epoch")
        ending = trainer.ending or Ending.COMPLETE
        states: dict[Ending, State] = {Ending.TIME: "stopped", Ending.DIVERGED: "failed"}
        outcome = self.outcome(states.get(ending, "complete"), ending.value)
        if job.keeps_predictions and outcome.state == "complete":
            with _files.writing(folder / VALIDATION) as temporary, temporary.open("wb") as file:
                np.save(file, trainer.predict(prepared.parts["validation"]), allow_pickle=False)
        return outcome

    def _go_on(self, trainer: EpochTrainer, folder: Path) -> None:
        """Restores what there is to go on from."""
        path, job = checkpoint_path(folder), self.job
        if path.exists():
            trainer.restore(path)
        elif job.checkpoint is not None and job.goes_on:
            shutil.copyfile(job.checkpoint.parent.parent / "trace.jsonl", folder / "trace.jsonl")
            trainer.trace = Trace(folder / "trace.jsonl")
            trainer.restore(job.checkpoint)
        else:
            if trainer.trace is not None:
                trainer.trace.cut(0)  # what a killed process wrote before its first checkpoint is trained again
            if job.checkpoint is not None:
                trainer.inherit(job.checkpoint)
        if trainer.epoch or trainer.step_in_epoch:
            log(job.folder, f"continued at epoch {trainer.epoch + 1}, step {trainer.step_in_epoch + 1}")

    def _recorded(self, folder: Path) -> list[Point]:
        """The points of the epochs that were trained before an interruption."""
        epochs = [r for r in trace.read(folder / "trace.jsonl") if r["kind"] == "epoch"]
        return [
            (r["epoch"], self._objectives(Measurement(**{k: v for k, v in r.items() if k != "kind"}))) for r in epochs
        ]

    def _objectives(self, measurement: Measurement) -> tuple[float, ...]:
        assert self.trainer is not None
        return (_number(measurement.score), *self.costs.objectives(self.trainer, measurement))

    def _counted(self, stage: Stage, outcome: Outcome, folder: Path) -> Outcome:
        """Adds a stage to the points of the trial, and writes down what it gave."""
        own = tuple(outcome.values.values()) or (_number(outcome.score),)
        count = len(self.points)
        if self.job.repeats and self.points:  # the mean of all so far
            own = tuple((old * count + new) / (count + 1) for old, new in zip(self.points[-1][1], own, strict=True))
        self.points.append((stage.units, own))
        self._spent.append((outcome.epochs, outcome.steps, outcome.seconds))
        known = {"point": [stage.units, list(own)], "outcome": [outcome.epochs, outcome.steps, outcome.seconds]}
        _files.write_json(folder / STAGE, known | {"parameters": outcome.parameters, "best_epoch": outcome.best_epoch})
        if folder != self.job.folder:
            drop_checkpoint(folder)  # it was needed for going on alone
        return self._with_points(outcome)

    def _known(self, stage: dict[str, Any]) -> Outcome:
        units, values = stage["point"]
        self.points.append((units, tuple(values)))
        self._spent.append(tuple(stage["outcome"]))
        outcome = self.outcome("complete", Ending.COMPLETE.value)
        return self._with_points(replace(outcome, parameters=stage["parameters"], best_epoch=stage["best_epoch"]))

    def _with_points(self, outcome: Outcome) -> Outcome:
        """The outcome of all stages so far: the mean of repeats, or the last stage's score."""
        score, *others = self.points[-1][1]
        epochs, steps, seconds = (sum(numbers) for numbers in zip(*self._spent, strict=True))
        return replace(
            outcome,
            score=score,
            values=dict(zip(self.costs.names, (score, *others), strict=True)) if others else {},
            curve=tuple(self.points),
            epochs=int(epochs),
            steps=int(steps),
            seconds=float(seconds),
        )

    # -- while it trains ----------------------------------------------------------------------------------------

    def _ticks(self, folder: Path) -> Callable[[Tick], None]:
        def tick(tick: Tick) -> None:
            assert self.trainer is not None
            best = self.trainer.best
            self.on_tick(tick, None if best is None else best.score)
            if self.costs.too_much_memory():
                raise _Infeasible(self.costs.said())
            interval = max(CHECKPOINT_SECONDS, self.save_cost / CHECKPOINT_SHARE)
            if time.perf_counter() - self.saved_at >= interval:
                self._save(folder)

        return tick

    def _save(self, folder: Path) -> None:
        assert self.trainer is not None
        started = time.perf_counter()
        self.trainer.save(checkpoint_path(folder))
        self.saved_at = time.perf_counter()
        self.save_cost = self.saved_at - started

    def outcome(self, state: State, cause: str) -> Outcome:
        """What is known of the stage that is being trained."""
        job, trainer = self.job, self.trainer
        best = None if trainer is None else trainer.best
        recipe = self.recipe if trainer is None else trainer.recipe
        seconds = time.perf_counter() - self.started if trainer is None else trainer.seconds
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
            chosen=dict(job.chosen),
            seed=self.recipe.training.seed or 0,
            of=job.of,
            fold=self.recipe.data.fold if self.recipe.data.num_folds else None,
            starts_from=job.starts_from,
            curve=tuple(self.points),
            values={} if trainer is None or best is None else self.costs.values(trainer, best),
            accumulate_steps=recipe.training.accumulate_steps,
            violations=dict(self.costs.violations),
        )


def _is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was too small, of the device or of the machine; torch says the latter in words alone."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _line(m: Measurement) -> str:
    return (
        f"epoch {m.epoch}: train loss {m.train_loss:.5f}, validation loss {m.validation_loss:.5f}, "
        f"validation score {m.score:.5f}, learning rate {m.learning_rate:.3g}, {m.seconds:.1f} s"
    )
