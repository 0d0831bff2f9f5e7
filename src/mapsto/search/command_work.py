"""A study of a program at work: proposals in their order, programs side by side, one thread that keeps the books."""

from __future__ import annotations

import math
import queue
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any, Literal

from mapsto import _files
from mapsto.adapters.command import CommandResult, Points, run_command
from mapsto.adapters.template import Template
from mapsto.errors import TrainingError
from mapsto.recipe.seeds import derive
from mapsto.search.command_result import CommandStudyResult, finalist_numbers
from mapsto.search.free_journal import FreeJournal
from mapsto.search.free_study import Definition, Proposer
from mapsto.search.outcome import Outcome, ranked
from mapsto.search.progress import Listener, Progress
from mapsto.search.run import RESULTS, Run

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

SHARE_OF_EXPLORING = 0.5
"""Running the finalists again takes at most the rest of a budget."""

SAFETY = 1.2
"""Later runs of the same settings may take that much longer than the first did."""

HOPELESS = 10
"""Where so many trials failed and none did not, the fault is not that of their settings."""

TICK_SECONDS = 0.5


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
        self._ledger = FreeJournal.in_folder(self.run.path, self.definition.direction)
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
