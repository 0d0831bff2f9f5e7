"""A study of any program: its settings are proposed, it is run, its numbers are read; the best are run again.

The study is one sequence, whatever the clock and the number of workers: trial n is proposed when the trials up to
n - lookahead are known, and from those alone. So one worker and four give the same study, and so does one that was
killed and goes on, as far as the program itself gives the same numbers for the same settings and seed.

    runs/<name>/
      study.json       the definition; `resume_command` goes on with it
      study.journal    Optuna's study
      results.json     what came of it
      trials/0007/     settings.json, log.txt, report.jsonl, result.json, and what the program itself writes there
      trials/0007-seed1/   the same settings with a further seed
"""

from __future__ import annotations

import math
import queue
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Literal

from mapsto import _files
from mapsto.adapters.command import CommandResult, Points, run_command
from mapsto.adapters.free_space import FreeSpace
from mapsto.adapters.template import Template
from mapsto.errors import RecipeError, RunError, TrainingError
from mapsto.metrics.base import Direction
from mapsto.recipe.budget import parse_budget, parse_duration
from mapsto.recipe.seeds import derive
from mapsto.search.command_result import CommandStudyResult, finalist_numbers
from mapsto.search.free_study import FREE_STUDY, CommandPlan, Definition, Ledger, Proposer
from mapsto.search.outcome import Outcome, ranked
from mapsto.search.progress import Listener, Progress
from mapsto.search.run import RESULTS, Run, run_path

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

DEFAULT_TRIALS = 20
"""Settings that are tried when neither a time nor a number is given."""

DEFAULT_SEEDS = 3
"""Further seeds of each finalist where the command has a place for a seed."""

LOOKAHEAD = 4
SHARE_OF_EXPLORING = 0.5
"""Running the finalists again takes at most the rest of a budget."""

SAFETY = 1.2
"""Later runs of the same settings may take that much longer than the first did."""

HOPELESS = 10
"""Where so many trials failed and none did not, the fault is not that of their settings."""

TICK_SECONDS = 0.5


def tune_command(
    command: str,
    space: FreeSpace | Mapping[str, Any] | Iterable[str],
    *,
    metric: str,
    direction: Direction = "maximize",
    budget: str | float | None = None,
    n_trials: int | None = None,
    workers: int = 1,
    sampler: str = "tpe",
    pruner: str = "off",
    max_fidelity: int = 1,
    seed: int = 0,
    start: Mapping[str, Any] | None = None,
    num_seeds: int | None = None,
    finalists: int = 3,
    time_limit: str | float | None = None,
    lookahead: int | None = None,
    out: str | Path | None = None,
    listener: Listener | None = None,
) -> CommandStudyResult:
    """Searches for the settings under which a program reports the best number.

    Args:
        command: its command line, with places such as `{lr}`; see `mapsto.adapters.template.Template`. It is run in the
            current folder.
        space: values and ranges by name, or `name=value` texts.
        metric: the name under which the program reports what is optimized; see `mapsto.adapters.reports`.
        direction: whether more of it is better.
        budget: time for all of it, in seconds or as `"10m"`.
        n_trials: settings to try; 20 where there is no budget either.
        workers: programs that run at once; they share the machine as they please.
        sampler: who proposes.
        pruner: who ends a trial early, given its points; it has to know `max_fidelity`.
        max_fidelity: steps that a whole trial reports.
        seed: what all randomness follows from; a trial's is derived from it and the trial's number.
        start: values for the first trial; other ranges begin in their middle. Where any are given, that trial is run
            again beside the finalists, and the result says whether the winner is better than it.
        num_seeds: further seeds that each finalist is run with; None: 3 where the command has a place `{seed}`, else 0.
        finalists: how many of the best are run again.
        time_limit: for one trial.
        lookahead: trials proposed before the first of them is known; None: 4, or the number of workers if that is more.
        out: the run folder; None: `runs/` and the name of the script.
        listener: told where the study stands.

    Example:
        >>> import tempfile
        >>> result = tune_command(
        ...     "echo height={x}", ["x=uniform(0, 1)"], metric="height", n_trials=3, out=tempfile.mkdtemp() + "/run"
        ... )
        >>> len(result.trials), result.winner.settings["x"] >= 0.5
        (3, True)

    Raises:
        RecipeError: the command, a setting or one of the names is wrong.
        RunError: the folder cannot be used.
        TrainingError: not one trial came to a number.
    """
    _check_workers(workers)
    space = space if isinstance(space, FreeSpace) else _space(space)
    template = Template.read(command, space)
    template.check_program()
    if num_seeds is None:
        num_seeds = DEFAULT_SEEDS if "seed" in template.places else 0
    plan = CommandPlan.of(
        command=command,
        lookahead=max(LOOKAHEAD, workers) if lookahead is None else lookahead,
        n_trials=DEFAULT_TRIALS if budget is None and n_trials is None else n_trials,
        budget=parse_budget(budget) if isinstance(budget, str) else budget,
        time_limit=parse_duration(time_limit, "A time limit") if isinstance(time_limit, str) else time_limit,
        finalists=finalists,
        num_seeds=num_seeds,
    )
    definition = Definition.of(
        settings=tuple(space.to_settings()),
        metric=metric,
        direction=direction,
        sampler=sampler,
        pruner=pruner,
        max_fidelity=max_fidelity,
        seed=seed,
        start=dict(start or {}),
        plan=plan,
    )
    definition.check()
    run = Run.create(Path(out) if out is not None else run_path(_name(template), overwrite=False))
    definition.write(run.path)
    return _work(run, definition, workers, listener)


def resume_command(
    folder: str | Path,
    *,
    budget: str | float | None = None,
    n_trials: int | None = None,
    workers: int = 1,
    listener: Listener | None = None,
) -> CommandStudyResult:
    """Goes on with a study of a program. What was finished is kept; trials that were interrupted are started again.

    Args:
        folder: the run folder.
        budget: another budget for all of it, the time already worked counted; None: that of the study.
        n_trials: another number of settings to try; None: that of the study.
        workers: programs that run at once.
        listener: told where the study stands.

    Raises:
        RunError: there is no such study, or another process works on it.
        TrainingError: not one trial came to a number.
    """
    _check_workers(workers)
    folder = Path(folder)
    definition = Definition.read(folder)
    if definition.plan is None:
        raise RunError(f"{folder} is a study that is asked and told: `mapsto ask {folder}` goes on with it.")
    changed = {
        "budget": parse_budget(budget) if isinstance(budget, str) else budget,
        "n_trials": n_trials,
    }
    plan = definition.plan.model_copy(update={name: value for name, value in changed.items() if value is not None})
    definition = definition.model_copy(update={"plan": plan})
    Template.read(plan.command, definition.space).check_program()
    run = Run(folder)
    definition.write(folder)
    return _work(run, definition, workers, listener)


def is_command_study(folder: str | Path) -> bool:
    """Whether a folder holds a study of a program, which `resume_command` goes on with."""
    return (Path(folder) / FREE_STUDY).exists() and Definition.read(Path(folder)).plan is not None


def _work(run: Run, definition: Definition, workers: int, listener: Listener | None) -> CommandStudyResult:
    """Works on a study to its end. A signal interrupts the main thread alone, so the books are kept in another one."""
    study = CommandStudy(run, definition, workers, listener or _silent)
    try:
        with ThreadPoolExecutor(1) as keeper:
            try:
                return keeper.submit(study.work).result()
            except BaseException:
                study.cancel.set()
                raise
    finally:
        run.save_state()
        run.close()


class _Canceled(Exception):
    """The study is to end, wherever it stands."""


@dataclass(frozen=True)
class _Job:
    """One run of the program; all that its thread needs."""

    name: str
    number: int
    phase: Literal["explore", "confirm"]
    chosen: dict[str, Any]
    seed: int
    trial: FrozenTrial | None = None


class CommandStudy:
    """A study at work in its folder.

    All that is known is kept and written by the thread that calls `work`; others run a program each and report.

    Args:
        run: the folder, held by this process.
        definition: of the study.
        workers: programs that run at once.
        listener: told where the study stands.

    Attributes:
        cancel: once it is set, programs are ended, and `work` raises.
        outcomes: what is known, by the name of the trial's folder.
    """

    def __init__(self, run: Run, definition: Definition, workers: int, listener: Listener) -> None:
        assert definition.plan is not None
        self.run, self.definition, self.plan, self.listener = run, definition, definition.plan, listener
        self._template = Template.read(self.plan.command, definition.space)
        self._workers, self.cancel = workers, Event()
        self._events: queue.SimpleQueue[tuple[_Job, Future[Outcome | None] | tuple[int, float]]] = queue.SimpleQueue()
        self._running: set[str] = set()
        self.outcomes: dict[str, Outcome] = {}
        for folder in sorted((run.path / "trials").glob("*")):
            outcome = Outcome.read(folder)
            if outcome is not None:
                self.outcomes[folder.name] = outcome

    # -- the phases, in order ------------------------------------------------------------------------------------

    def work(self) -> CommandStudyResult:
        """Works to the end."""
        self.explore()
        self.confirm()
        result = self.result()
        _files.write_json(self.run.path / RESULTS, result.to_json())
        return result

    def explore(self) -> None:
        """Tries settings until the time for that, or their number, is used up.

        Raises:
            TrainingError: not one trial came to a number.
        """
        self._ledger = Ledger.in_folder(self.run.path, self.definition.direction)
        self._proposer = Proposer(self.definition)
        asked = list(self._ledger.trials())
        for trial in asked:
            self._proposer.add(trial)
        known = 0  # trials that the proposer has been told of, in the order of their numbers
        with self._pool() as pool:
            for trial in asked:
                self._take_up(pool, trial)
            while True:
                if len(asked) - known < self.plan.lookahead and self._may_ask(len(asked)):
                    trial = self._proposer.ask([self.outcomes[_name_of(number)] for number in range(known)])
                    self._ledger.add(trial)
                    asked.append(trial)
                    self._take_up(pool, trial)
                elif _name_of(known) in self.outcomes and known < len(asked):
                    self._proposer.tell(self.outcomes[_name_of(known)])
                    known += 1
                elif self._running:
                    self._wait()
                else:
                    break
        if not ranked(self._explored(), self.definition.direction):
            causes = "; ".join(f"trial {o.number}: {o.cause}" for o in self._explored()[:3])
            raise TrainingError(
                f"No trial came to a value of {self.definition.metric} ({causes or 'the time was too short'}). What "
                f"the program said is in {self.run.path / 'trials'}, in each trial's log.txt."
            )

    def confirm(self) -> None:
        """Runs the finalists again, with further seeds that all of them share."""
        numbers = finalist_numbers(self._explored(), self.definition)
        chosen = {outcome.number: outcome.chosen for outcome in self._explored()}
        with self._pool() as pool:
            for index in range(self.plan.num_seeds):
                seed = derive(self.definition.seed, "confirm", index)
                for number in numbers:
                    job = _Job(f"{_name_of(number)}-seed{index + 1}", number, "confirm", chosen[number], seed)
                    if job.name not in self.outcomes:
                        self._submit(pool, job)
            while self._running:
                self._wait()

    def result(self) -> CommandStudyResult:
        """What is known."""
        confirmed = {name: outcome for name, outcome in self.outcomes.items() if outcome.phase == "confirm"}
        return CommandStudyResult.of(self.run.path, self.definition, self._explored(), confirmed, self.run.elapsed)

    # -- what may be done ----------------------------------------------------------------------------------------

    def _explored(self) -> list[Outcome]:
        found = [outcome for outcome in list(self.outcomes.values()) if outcome.phase == "explore"]
        return sorted(found, key=lambda outcome: outcome.number)

    def _may_ask(self, number: int) -> bool:
        limits = [limit for limit in (self.plan.n_trials, self.definition.limit) if limit is not None]
        ended = self._explored()
        hopeless = len(ended) >= HOPELESS and not any(outcome.score is not None for outcome in ended)
        return number < min(limits, default=number + 1) and not hopeless and self.run.elapsed < self._explore_until()

    def _explore_until(self) -> float:
        """Elapsed seconds at which exploring ends, so that the finalists can still be run again."""
        if self.plan.budget is None:
            return math.inf
        best = ranked(self._explored(), self.definition.direction)[: self.plan.finalists]
        runs = (self.plan.finalists + bool(self.definition.start)) * self.plan.num_seeds
        wanted = SAFETY * math.ceil(runs / self._workers) * max((outcome.seconds for outcome in best), default=0.0)
        return self.plan.budget - min(wanted, (1 - SHARE_OF_EXPLORING) * self.plan.budget)

    # -- running programs ----------------------------------------------------------------------------------------

    @contextmanager
    def _pool(self) -> Iterator[ThreadPoolExecutor]:
        """Threads for programs; when the block ends, however it does, none runs and all that came is recorded."""
        pool = ThreadPoolExecutor(self._workers)
        try:
            yield pool
        except BaseException:
            self.cancel.set()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
            while not self._events.empty():
                self._take(*self._events.get(), quietly=True)

    def _take_up(self, pool: ThreadPoolExecutor, trial: FrozenTrial) -> None:
        """Runs a trial that was asked for, unless its result is on disk."""
        name, number = _name_of(trial.number), trial.number
        if name in self.outcomes:
            self._ledger.tell(self.outcomes[name])  # it may have been killed in between
        else:
            seed = self.definition.trial_seed(number)
            self._submit(pool, _Job(name, number, "explore", dict(trial.params), seed, trial))

    def _submit(self, pool: ThreadPoolExecutor, job: _Job) -> None:
        self._running.add(job.name)
        pool.submit(self._execute, job).add_done_callback(lambda future: self._events.put((job, future)))

    def _execute(self, job: _Job) -> Outcome | None:
        """Runs the program, in a thread of its own; None where that was not to be, or was broken off."""
        until = self._explore_until() if job.phase == "explore" else (self.plan.budget or math.inf)
        seconds = until - self.run.elapsed
        if seconds <= 0 or self.cancel.is_set():
            return None
        own_limit = self.plan.time_limit or math.inf
        folder, settings = self.run.trial(job.name), self.definition.space.complete(job.chosen)
        _files.write_json(folder / "settings.json", {"trial": job.number, "seed": job.seed, "settings": settings})

        def should_stop(points: Points) -> bool:
            self._events.put((job, points[-1]))
            return job.trial is not None and self._proposer.stops(job.trial, points)

        found = run_command(
            self._template,
            settings,
            folder,
            metric=self.definition.metric,
            seed=job.seed,
            trial=job.number,
            time_limit=min(seconds, own_limit) if min(seconds, own_limit) < math.inf else None,
            should_stop=should_stop,
            cancel=self.cancel,
        )
        if found.state == "stopped" and self.cancel.is_set():
            return None
        return self._outcome(job, found, too_slow=own_limit <= seconds)

    def _outcome(self, job: _Job, found: CommandResult, *, too_slow: bool) -> Outcome:
        score = found.values.get(self.definition.metric)
        if found.state == "pruned":
            score = found.points[-1][1]
        failed = found.state == "failed" or (found.state == "stopped" and too_slow and score is None)
        last = found.points[-1][0] if found.points else 0
        return Outcome(
            number=job.number,
            phase=job.phase,
            state="failed" if failed else found.state,
            cause=found.cause,
            score=None if failed else score,
            best_epoch=last,
            epochs=last,
            steps=len(found.points),
            seconds=found.seconds,
            parameters=0,
            chosen=job.chosen,
            seed=job.seed,
            of=job.number if job.phase == "confirm" else None,
            curve=tuple((step, (value,)) for step, value in found.points),
            values=found.values,
        )

    def _wait(self) -> None:
        """Waits for news of a program, or a moment."""
        if self.cancel.is_set():
            raise _Canceled
        self.run.tick()
        try:
            self._take(*self._events.get(timeout=TICK_SECONDS))
        except queue.Empty:
            return

    def _take(self, job: _Job, news: Future[Outcome | None] | tuple[int, float], *, quietly: bool = False) -> None:
        """Takes in a point or an end; `quietly`: something has gone wrong already, and that is what is told."""
        if isinstance(news, tuple):
            self._tell(job, epoch=news[0], score=news[1])
            return
        self._running.discard(job.name)
        if news.cancelled() or (quietly and news.exception() is not None):
            return
        outcome = news.result()
        if outcome is None:
            return
        outcome.write(self.run.trial(job.name))
        self.outcomes[job.name] = outcome
        if job.phase == "explore":
            self._ledger.tell(outcome)
        self.run.save_state()
        message = f"trial {job.number}: {outcome.cause}" if outcome.state == "failed" else ""
        self._tell(job, epoch=outcome.epochs, score=outcome.score, outcome=outcome, message=message)

    def _tell(
        self, job: _Job, *, epoch: int, score: float | None, outcome: Outcome | None = None, message: str = ""
    ) -> None:
        explored = self._explored()
        leaders, states = ranked(explored, self.definition.direction), [other.state for other in explored]
        self.listener(
            Progress(
                phase=job.phase,
                trial=job.number,
                chosen=job.chosen,
                state=None if outcome is None or outcome.state == "infeasible" else outcome.state,
                epoch=epoch,
                max_epochs=max(epoch, self.definition.max_fidelity),
                score=score,
                best=leaders[0].score if leaders else None,
                best_trial=leaders[0].number if leaders else None,
                finished=states.count("complete") + states.count("stopped"),
                pruned=states.count("pruned"),
                failed=states.count("failed"),
                elapsed=self.run.elapsed,
                budget=self.plan.budget,
                n_trials=self.plan.n_trials,
                objective=self.definition.metric,
                direction=self.definition.direction,
                run=str(self.run.path),
                message=message,
            )
        )


def _name_of(number: int) -> str:
    return f"{number:04d}"


def _name(template: Template) -> str:
    """What a run is called: the script that the command runs, else its program."""
    words = ["".join(piece for piece in word if isinstance(piece, str)) for word in template.pieces]
    return next((word for word in words[1:] if Path(word).is_file()), words[0])


def _space(settings: Mapping[str, Any] | Iterable[str]) -> FreeSpace:
    return FreeSpace.from_mapping(settings) if isinstance(settings, Mapping) else FreeSpace.from_settings(settings)


def _check_workers(workers: int) -> None:
    if workers < 1:
        raise RecipeError(f"At least one program runs at a time. Received: {workers=}.")


def _silent(progress: Progress) -> None:
    del progress
