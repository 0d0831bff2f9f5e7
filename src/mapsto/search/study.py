"""A study: recipes are proposed, trained and compared; the best are run again with other seeds or folds; the winner is
named.
"""

from __future__ import annotations

import json
import logging
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mapsto import _files
from mapsto.errors import TrainingError
from mapsto.recipe.families import METRICS, PRUNERS, SAMPLERS
from mapsto.recipe.ranges import Choice, Int, Log, Range, Uniform
from mapsto.recipe.seeds import derive
from mapsto.search.outcome import Outcome, State, ranked
from mapsto.search.plan import Plan
from mapsto.search.progress import Listener, Phase, Progress
from mapsto.search.run import JOURNAL, Run
from mapsto.search.store import DataStore
from mapsto.search.training_run import Job, drop_checkpoint, execute
from mapsto.training.base import Measurement, Tick

if TYPE_CHECKING:
    import optuna
    from numpy.typing import NDArray

    from mapsto.metrics.base import Metric
    from mapsto.recipe.schema import Recipe
    from mapsto.recipe.space import Space
    from mapsto.training.loop import TorchTrainer

logger = logging.getLogger("mapsto")

VALIDATION = "validation.npy"
"""Predictions of a confirming run on the validation part."""

STUDY_NAME = "mapsto"
"""The journal holds one study, and its name does not change when the folder is moved."""

HOPELESS = 10
"""Where so many recipes could not be trained and none could, the fault is not the recipe's."""

NOWHERE = Tick(0, 0, 0, 0)
"""Between trainings."""

KEEP_CHECKPOINTS = 3
"""Checkpoints of the best explored trials that stay on disk, at least; any of them, or the default, may win."""


@dataclass(frozen=True)
class Candidate:
    """A recipe that may win: its trial, and its scores on the validation part.

    `scores` holds one fresh run a seed, in the order of the seeds; empty where there was no time to run it again. Where
    the data have folds, the fold changes with the seed.
    """

    number: int
    chosen: dict[str, Any]
    explored_score: float
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over the fresh runs; the explored score where there are none."""
        return math.fsum(self.scores) / len(self.scores) if self.scores else self.explored_score


class Study:
    """Runs a space within a plan, in a run folder; can be stopped at any instant and continued.

    Args:
        run: the folder, held by this process.
        space: what may vary; a space without ranges is one recipe.
        defaults: values of leaves that the space leaves open, by dotted name.
        store: the data.
        plan: the budget.
        listener: told where the study stands.
    """

    def __init__(
        self,
        run: Run,
        space: Space,
        defaults: Mapping[str, Any],
        store: DataStore,
        plan: Plan,
        listener: Listener,
    ) -> None:
        self.run, self.space, self.defaults, self.store, self.plan, self.listener = (
            run, space, defaults, store, plan, listener,
        )  # fmt: skip
        self.default_chosen = space.walk(self._default_value, defaults)
        self.default_recipe = self._recipe(self.default_chosen)
        search = self.default_recipe.search
        self.metric: Metric = METRICS.get(search.metric or self.default_recipe.task.metrics[0])()
        self.sampler, self.pruner = SAMPLERS.get(search.sampler)(), PRUNERS.get(search.pruner)()
        self.outcomes: dict[str, Outcome] = {}
        for folder in sorted((run.path / "trials").glob("*")):
            outcome = Outcome.read(folder)
            if outcome is not None:
                self.outcomes[folder.name] = outcome

    # -- the phases, in order ------------------------------------------------------------------------------------

    def explore(self) -> None:
        """Proposes and trains recipes until the plan's time for that, or its number of trials, is used up.

        Raises:
            TrainingError: not one recipe could be trained.
        """
        study = self._optuna_study()
        while not self._exploring_is_over(study):
            self._explore_one(study, self._next_trial(study))
        if not self.ranked_trials():
            causes = "; ".join(f"trial {o.number}: {o.cause}" for o in list(self.outcomes.values())[:3])
            raise TrainingError(
                f"No recipe could be trained ({causes}). The folders under {self.run.path / 'trials'} hold their logs. "
                f"If the time was too short, give a larger `--budget`."
            )

    def confirm(self) -> None:
        """Runs the finalists, and the default recipe beside them, with fresh seeds that all of them share.

        Where the data have folds, the fold changes with the seed, so that a run differs from the next in all that
        chance decides. The folds that selected nothing come first.
        """
        finalists = self._finalist_numbers()
        if len(finalists) < 2:
            return  # nothing to compare
        until = self.plan.confirm_until(self._run_seconds())
        for seed_number in range(self.plan.num_seeds):
            for number in finalists:
                name = f"{number:04d}-seed{seed_number + 1}"
                if not self._is_confirmed(name) and self.run.elapsed < until:
                    chosen = self._explored()[number].chosen
                    seed = derive(self.default_recipe.seed, "confirm", seed_number)
                    fold = self._fold(seed_number)
                    job = self._job(
                        name, chosen, number=number, phase="confirm", seed=seed, until=until, of=number, fold=fold
                    )
                    self._confirm_one(name, job)

    def _is_confirmed(self, name: str) -> bool:
        outcome = self.outcomes.get(name)
        return outcome is not None and (outcome.state != "complete" or (self.run.trial(name) / VALIDATION).exists())

    def _confirm_one(self, name: str, job: Job) -> None:
        """Trains a finalist with a fresh seed and keeps its answers on the validation rows, for the comparison."""
        outcome, trainer = self._execute(name, job, again=True)
        if trainer is not None:
            if outcome.state == "complete":
                rows = trainer.prepared.parts["validation"]
                with _files.writing(job.folder / VALIDATION) as temporary, temporary.open("wb") as file:
                    np.save(file, trainer.predict(rows), allow_pickle=False)
            trainer.close()
        drop_checkpoint(job.folder)

    def confirmed_predictions(self, number: int) -> list[NDArray[Any]]:
        """A finalist's predictions on the validation part, one array a seed that all finalists completed."""
        names = [f"{number:04d}-seed{seed + 1}" for seed in self._shared_seeds()]
        return [np.load(self.run.trial(name) / VALIDATION, allow_pickle=False) for name in names]

    def confirmed_folds(self) -> list[int]:
        """The fold of each seed that all finalists completed; the only one there is where the data have none."""
        return [self._fold(seed) for seed in self._shared_seeds()]

    def _fold(self, seed_number: int) -> int:
        """The fold of a confirming run: the ones after that which recipes were explored on, in a circle."""
        data = self.default_recipe.data
        return (data.fold + 1 + seed_number) % data.num_folds if data.num_folds else data.fold

    def final(self) -> TorchTrainer:
        """Trains the winner again, with a seed that selected nothing, and returns it with its best weights.

        Where nothing was selected (one recipe, one run), that run is the final one. If the final training fails, or
        is cut by time before it is as good as the winner was, the winner's explored run stands in.

        Raises:
            TrainingError: neither can be used.
        """
        winner = self.winner()
        explored = self._explored_job(winner.number, winner.chosen)
        if self._explored()[winner.number].state == "stopped" and not winner.scores:
            # Too little time for even one full run: going on with it is better than to begin another.
            explored = replace(explored, deadline=self.run.deadline(self.plan.final_until()))
        elif self.space.ranges:
            seed = derive(self.default_recipe.seed, "final")
            until = self.plan.final_until()
            job = self._job(
                "final", winner.chosen, number=winner.number, phase="final", seed=seed, until=until, of=winner.number
            )
            outcome, trainer = self._execute("final", job, again=True)
            if trainer is not None and self._is_as_good(outcome, winner):
                return trainer
            if trainer is not None:
                trainer.close()
        _, trainer = self._execute(explored.folder.name, explored, again=True)
        if trainer is None:
            raise TrainingError(
                f"The winner, trial {winner.number}, could not be loaded or trained again; see {explored.folder}."
            )
        return trainer

    def _is_as_good(self, final: Outcome, winner: Candidate) -> bool:
        """Whether a final training came to its end, or was cut when no worse than the winner's worst run."""
        if final.state == "complete" or final.score is None:
            return final.state == "complete"
        runs = [*winner.scores, winner.explored_score]
        return final.score >= min(runs) if self.metric.direction == "maximize" else final.score <= max(runs)

    # -- what is known so far ------------------------------------------------------------------------------------

    def ranked_trials(self) -> list[Outcome]:
        """Explored trials with a score, the best first."""
        return ranked(list(self._explored().values()), self.metric.direction)

    def candidates(self) -> list[Candidate]:
        """The finalists with the scores of their fresh runs, the best mean first.

        Only seeds that every finalist completed are counted, so that all are compared on the same ones.
        """
        explored, numbers, shared = self._explored(), self._finalist_numbers(), self._shared_seeds()
        found = [
            Candidate(
                number,
                explored[number].chosen,
                float(explored[number].score or 0.0),
                tuple(float(self._confirmed(number, seed) or 0.0) for seed in shared),
            )
            for number in numbers
        ]
        sign = -1 if self.metric.direction == "maximize" else 1
        return sorted(found, key=lambda candidate: sign * candidate.mean)

    def winner(self) -> Candidate:
        """The candidate with the best mean."""
        return self.candidates()[0]

    def _explored(self) -> dict[int, Outcome]:
        return {o.number: o for o in self.outcomes.values() if o.phase == "explore"}

    def _shared_seeds(self) -> list[int]:
        numbers = self._finalist_numbers()
        return [
            seed
            for seed in range(self.plan.num_seeds)
            if all(self._confirmed(number, seed) is not None for number in numbers)
        ]

    def _confirmed(self, number: int, seed: int) -> float | None:
        outcome = self.outcomes.get(f"{number:04d}-seed{seed + 1}")
        return None if outcome is None or outcome.state != "complete" else outcome.score

    def _finalist_numbers(self) -> list[int]:
        """The best trials, and the default's if it can be trained; fixed once exploring is over."""
        trials = self.ranked_trials()
        if not self.space.ranges:
            return [trials[0].number]
        first: dict[str, int] = {}  # a recipe that was proposed twice stands once, under its first number
        for outcome in sorted(trials, key=lambda outcome: outcome.number):
            first.setdefault(json.dumps(outcome.chosen, sort_keys=True), outcome.number)
        distinct = list(dict.fromkeys(first[json.dumps(outcome.chosen, sort_keys=True)] for outcome in trials))
        numbers = distinct[: self.plan.finalists]
        return numbers if 0 in numbers or 0 not in distinct else [*numbers, 0]

    def _run_seconds(self) -> float:
        """How long a full run of a promising recipe takes, as far as is known."""
        return max((outcome.seconds for outcome in self.ranked_trials()[: self.plan.finalists]), default=0.0)

    # -- exploring -----------------------------------------------------------------------------------------------

    def _exploring_is_over(self, study: optuna.Study) -> bool:
        if self.run.state.get("explored"):
            return True
        ended = sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))
        if ended >= HOPELESS and not self.ranked_trials():
            return True
        time_is_up = ended > 0 and self.run.elapsed >= self.plan.explore_until(self._run_seconds())
        if time_is_up or ended >= self._max_trials():
            self.run.save_state(explored=True)
            return True
        return False

    def _max_trials(self) -> float:
        """How many recipes there are to explore: one without ranges, a grid's points and the default, or no end."""
        if not self.space.ranges:
            return 1
        points = self.sampler.size(self.space.ranges)
        limits = (self.plan.n_trials, None if points is None else points + 1)
        return min((limit for limit in limits if limit is not None), default=math.inf)

    def _optuna_study(self) -> optuna.Study:
        import optuna  # here, since it takes a quarter of a second to import
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        path = self.run.path / JOURNAL
        # The folder's own lock is held, so a lock on the journal is one that a killed process left.
        Path(f"{path}.lock").unlink(missing_ok=True)
        return optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(path))),
            study_name=STUDY_NAME,
            direction=self.metric.direction,
            pruner=self.pruner.build(self.default_recipe.training.max_epochs),
            load_if_exists=True,
        )

    def _next_trial(self, study: optuna.Study) -> optuna.Trial:
        """The trial that was interrupted, or a new one; the first has the default values."""
        import optuna
        from optuna.trial import TrialState

        for frozen in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            study.sampler = self._sampler(frozen.number)
            return optuna.Trial(study, frozen._trial_id)
        number = len(study.trials)
        if number == 0 and self.default_chosen:
            study.enqueue_trial(self.default_chosen)
        study.sampler = self._sampler(number)
        return study.ask()

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        with warnings.catch_warnings():
            # Multivariate TPE is Optuna's default and still called experimental; the user can do nothing about it.
            warnings.simplefilter("ignore")
            seed = derive(self.default_recipe.seed, "sampler", number)
            sampler: optuna.samplers.BaseSampler = self.sampler.build(self.space.ranges, seed)
        return sampler

    def _explore_one(self, study: optuna.Study, trial: optuna.Trial) -> None:
        from optuna.trial import TrialState

        chosen = self.space.walk(lambda name, range_: suggest(trial, name, range_), self.defaults)
        reported = set(study.trials[trial.number].intermediate_values)

        def should_prune(measurement: Measurement) -> bool:
            if measurement.epoch not in reported:  # a resumed trial has told its first epochs already
                trial.report(measurement.score, measurement.epoch)
            return trial.should_prune()

        job = replace(self._explored_job(trial.number, chosen), should_prune=should_prune)
        outcome, trainer = self._execute(job.folder.name, job)
        if outcome.state == "pruned":
            study.tell(trial, state=TrialState.PRUNED)
        elif outcome.state == "failed" or outcome.score is None:
            trial.set_user_attr("cause", outcome.cause)
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, outcome.score)
        self._keep_the_best(outcome, trainer)

    def _keep_the_best(self, outcome: Outcome, trainer: TorchTrainer | None) -> None:
        """Saves a new leader as `best/`, and drops checkpoints that are no longer among the best."""
        leaders = self.ranked_trials()
        if trainer is not None:
            if leaders and leaders[0].number == outcome.number:
                trainer.fitted().save(self.run.path / "best", card=f"Leader so far: trial {outcome.number}.\n")
            trainer.close()
        kept = {0} | {leader.number for leader in leaders[: max(KEEP_CHECKPOINTS, self.plan.finalists)]}
        for number in self._explored():
            if number not in kept:
                drop_checkpoint(self.run.trial(f"{number:04d}"))

    # -- one training --------------------------------------------------------------------------------------------

    def _recipe(self, chosen: Mapping[str, Any]) -> Recipe:
        return self.space.recipe(chosen, self.defaults)

    def _default_value(self, name: str, range_: Range) -> Any:
        """The value that a leaf would have if it were not searched, where the range holds it; else the middle."""
        value = self.defaults.get(name, self.space.field_default(name, self.defaults))
        return value if range_.contains(value) else range_.center()

    def _explored_job(self, number: int, chosen: dict[str, Any]) -> Job:
        until = self.plan.first_until() if number == 0 else self.plan.explore_until(self._run_seconds())
        seed = derive(self.default_recipe.seed, "trial", number)
        return self._job(f"{number:04d}", chosen, number=number, phase="explore", seed=seed, until=until)

    def _job(
        self,
        name: str,
        chosen: dict[str, Any],
        *,
        number: int,
        phase: Literal["explore", "confirm", "final"],
        seed: int,
        until: float,
        of: int | None = None,
        fold: int | None = None,
    ) -> Job:
        recipe = self._recipe(chosen)
        if fold is not None:
            recipe = recipe.replace({"data.fold": fold})
        if recipe.training.seed is None or phase != "explore":  # else all runs of a finalist would be the same one
            recipe = recipe.replace({"training.seed": seed})

        def on_tick(tick: Tick, score: float | None) -> None:
            self.run.tick()
            self.tell(phase, number, tick, score, chosen=chosen)

        return Job(
            recipe=recipe,
            folder=self.run.trial(name),
            number=number,
            phase=phase,
            chosen=chosen,
            of=of,
            deadline=self.run.deadline(until),
            on_tick=on_tick,
        )

    def _execute(self, name: str, job: Job, *, again: bool = False) -> tuple[Outcome, TorchTrainer | None]:
        """Trains a job, unless its result is on disk; `again` loads the trainer in that case too."""
        known = self.outcomes.get(name)
        if known is not None and not again:
            return known, None
        prepared, tensors = self.store.get(job.recipe)
        outcome, trainer = execute(job, prepared, tensors, self.run.path / "tensorboard")
        self.outcomes[name] = outcome
        self.run.save_state()
        message = f"{name}: {outcome.cause}" if outcome.state == "failed" else ""
        end = Tick(outcome.epochs, job.recipe.training.max_epochs, 0, 0)
        self.tell(job.phase, job.number, end, outcome.score, message, chosen=job.chosen, state=outcome.state)
        return outcome, trainer

    def tell(
        self,
        phase: Phase,
        trial: int | None = None,
        tick: Tick = NOWHERE,
        score: float | None = None,
        message: str = "",
        *,
        chosen: Mapping[str, Any] | None = None,
        state: State | None = None,
    ) -> None:
        """Tells the listener where the study stands."""
        leaders = self.ranked_trials()
        states = [outcome.state for outcome in self._explored().values()]
        self.listener(
            Progress(
                phase=phase,
                trial=trial,
                chosen=chosen or {},
                state=state,
                epoch=tick.epoch,
                max_epochs=tick.max_epochs,
                step=tick.step,
                steps_per_epoch=tick.steps_per_epoch,
                score=score,
                best=leaders[0].score if leaders else None,
                best_trial=leaders[0].number if leaders else None,
                finished=states.count("complete") + states.count("stopped"),
                pruned=states.count("pruned"),
                failed=states.count("failed"),
                elapsed=self.run.elapsed,
                budget=self.plan.seconds,
                n_trials=self.plan.n_trials,
                objective=self.metric.title,
                direction=self.metric.direction,
                percent=self.metric.percent,
                run=str(self.run.path),
                message=message,
            )
        )


def suggest(trial: optuna.Trial, name: str, range_: Range) -> Any:
    """Asks Optuna for a value of a range."""
    match range_:
        case Log():
            return trial.suggest_float(name, range_.low, range_.high, log=True)
        case Uniform():
            return trial.suggest_float(name, range_.low, range_.high, step=range_.step)
        case Int():
            return trial.suggest_int(name, range_.low, range_.high, log=range_.log, step=range_.step)
        case Choice():
            return trial.suggest_categorical(name, range_.options)
