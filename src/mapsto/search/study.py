"""A study: recipes are proposed, trained and compared; the best are run again with other seeds or folds; the winner is
named.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mapsto.errors import TrainingError
from mapsto.recipe.budget import parse_duration
from mapsto.recipe.families import METRICS, PRUNERS, TRACKERS
from mapsto.recipe.seeds import derive
from mapsto.search.ablating import ablate
from mapsto.search.checkpoints import Checkpoints
from mapsto.search.confirming import Confirming
from mapsto.search.costs import names
from mapsto.search.crew import crew, place
from mapsto.search.dispatch import Dispatcher
from mapsto.search.importance import Importance, importances
from mapsto.search.ledger import Ledger, Ready, drop_unfinished
from mapsto.search.making import Maker
from mapsto.search.outcome import Outcome, State
from mapsto.search.patience import Patience
from mapsto.search.plan import Plan
from mapsto.search.problem import Proposal
from mapsto.search.progress import Listener, Phase, PlanView, Progress
from mapsto.search.pruners.base import Pruner
from mapsto.search.run import JOURNAL, Run
from mapsto.search.standing import Candidate, Standing
from mapsto.search.storage import mend_journal, study_of
from mapsto.search.store import DataStore
from mapsto.search.training_run import checkpoint_path, drop_checkpoint, fitted, load_trainer
from mapsto.training import trace
from mapsto.training.base import Tick

if TYPE_CHECKING:
    import optuna

    from mapsto.metrics.base import Metric
    from mapsto.recipe.space import Space
    from mapsto.search.jobs import Job
    from mapsto.training.epochs import EpochTrainer

logger = logging.getLogger("mapsto")

HOPELESS = 10
"""Where so many recipes could not be trained and none could, the fault is not the recipe's."""

NOWHERE = Tick(0, 0, 0, 0)
"""Between trainings."""

GUESS_AFTER_SECONDS = 0.5
"""The first steps are slower than those that follow, so the guess is made after some."""

LOOK_SECONDS = 0.5
"""How long is waited for a training to end before the budget is looked at again."""

KEEP_CHECKPOINTS = 3
"""Checkpoints of the best explored trials that stay on disk, at least; any of them, or the default, may win."""


class Study:
    """Runs a space within a plan, in a run folder; can be stopped at any instant and continued.

    Args:
        run: the folder, held by this process.
        space: what may vary; a space without ranges is one recipe.
        defaults: values of leaves that the space leaves open, by dotted name.
        store: the data.
        plan: the budget.
        listener: told where the study stands.
        first: values to try after the default ones, such as those that did well on other data.
    """

    def __init__(
        self,
        run: Run,
        space: Space,
        defaults: Mapping[str, Any],
        store: DataStore,
        plan: Plan,
        listener: Listener,
        first: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        self.run, self.space, self.store, self.plan, self.listener = run, space, store, plan, listener
        self.maker = Maker(run, space, defaults, store)
        self.defaults, self.default_recipe = defaults, self.maker.default_recipe
        search = self.default_recipe.search
        self._place = place(self.default_recipe, store.device, self._tick)
        self.metric: Metric = METRICS.get(search.metric or self.default_recipe.task.metrics[0])()
        default, learned = int(run.state.get("default_trial", 0)), tuple(first)
        self.standing = Standing(self.metric.direction, plan.finalists, bool(space.ranges), default)
        for folder in sorted((run.path / "trials").glob("*")):
            outcome = Outcome.read(folder)
            if outcome is not None:
                self.standing.add(folder.name, outcome)
        explored, count = self.standing.explored, run.state.get("continued", {}).get("count", 0)
        self._tried = tuple(explored[n].chosen if n in explored else {} for n in range(count))
        self._begin = max(default + 1, count)
        self.first = {default: self.maker.default_chosen, **dict(enumerate(learned, self._begin))}
        self.problem = self.maker.problem(
            self._max_trials(), learned=learned, tried=self._tried, begin=self._begin, lookahead=self.lookahead
        )
        self.maker.sampler.build(self.problem, 0)  # refuses what it cannot search, before anything is trained
        self.pruner = PRUNERS.get(self.maker.pruner)()
        self._thaws = type(self.pruner).thaws is not Pruner.thaws
        self.patience = Patience(self._pause, lambda: mend_journal(run.path / JOURNAL))
        self.checkpoints = Checkpoints(run, search.disk)
        self.dispatcher = Dispatcher(crew(search, self._place, store), self.patience)
        if search.storage is not None:
            self._optuna_study()  # refuses one that cannot be reached
        self.trackers = [TRACKERS.get(name)(run.path) for name in search.trackers]
        self.confirming = Confirming(self)
        self.path: list[dict[str, Any]] = []
        self._phase: Phase = "explore"
        self._predicted: float | None = None
        self._began: dict[str, tuple[int, float]] = {}

    def close(self) -> None:
        """Ends the workers."""
        self.dispatcher.executor.close()

    # -- the phases, in order ------------------------------------------------------------------------------------

    def explore(self) -> None:
        """Proposes and trains recipes until the plan's time for that, or its number of trials, is used up.

        Raises:
            TrainingError: not one recipe could be trained.
        """
        self._phase = "explore"
        if not self._exploring_is_over():
            ledger = self._ledger()
            ledger.begin(self.standing.explored)
            try:
                self._explore(ledger)
            except BaseException:
                ledger.close()
                raise
            ledger.close(settle=bool(self.run.state.get("explored")))
        if not self.standing.ranked(1):
            causes = "; ".join(f"trial {o.number}: {o.cause}" for o in list(self.standing.explored.values())[:3])
            raise TrainingError(
                f"No recipe could be trained ({causes}). The folders under {self.run.path / 'trials'} hold their logs. "
                f"If the time was too short, give a larger `--budget`."
            )

    def _explore(self, ledger: Ledger) -> None:
        out = self.dispatcher
        while True:
            self._fill(ledger, 0.0 if out.out else LOOK_SECONDS)
            if not out.out and (self._exploring_is_over() or ledger.is_exhausted):
                return
            for job, outcome in out.wait(LOOK_SECONDS if not out.free else 0.02):
                self.standing.add(job.name, outcome)
                self._fill(ledger, 0.0)  # before anything is written: whoever is free does not wait for that
                self._end(job, outcome)
                self._keep_the_best(job, outcome)
                ledger.give(outcome)

    def _fill(self, ledger: Ledger, timeout: float) -> None:
        """Gives everyone who is free a trial, as far as there are any within so many seconds."""
        while self.dispatcher.free and not self._exploring_is_over():
            job = ledger.take(timeout)
            if job is None:
                return
            self.dispatcher.submit(self._timed(job))

    def confirm(self) -> None:
        """Runs the best recipes again, with fresh seeds, until it is clear who wins or the plan's time is used up."""
        if self.space.ranges:
            self._phase = "heat"
            self.confirming.heats()
            self._phase = "confirm"
            self.confirming.final()

    def final(self) -> EpochTrainer:
        """Trains the winner again, with a seed that selected nothing, and returns it with its best weights.

        Where nothing was selected (one recipe, one run), that run is the final one. If the final training fails, or
        is cut by time before it is as good as the winner was, the winner's explored run stands in.

        Raises:
            TrainingError: neither can be used.
        """
        self._phase = "final"
        self.patience(lambda: drop_unfinished(self._optuna_study()))
        winner = self.candidates()[0]
        explored = self._timed(self.explored_job(winner.number))
        if self.standing.explored[winner.number].state == "stopped" and not winner.scores:
            # Too little time for even one full run: going on with it is better than to begin another.
            self.run_all([replace(explored, seconds=self.left(self.plan.final_until()))])
        elif self.space.ranges:
            job = self.maker.again(
                "final", winner.chosen, number=winner.number, phase="final",
                seed=derive(self.default_recipe.seed, "final"), seconds=self.left(self.plan.final_until()),
            )  # fmt: skip
            self.run_all([job])
            if self._is_as_good(self.standing.outcomes["final"], winner):
                return load_trainer(job, self.store.loaded)
        if not checkpoint_path(explored.folder).exists():
            self.run_all([explored])
        if self.standing.outcomes[explored.name].score is None:
            raise TrainingError(
                f"The winner, trial {winner.number}, could not be loaded or trained again; see {explored.folder}."
            )
        return load_trainer(explored, self.store.loaded)

    def explored_job(self, number: int) -> Job:
        """The job of a trial that was explored."""
        return self._explored_job(Ready(number, self._proposal(number), None))

    @property
    def default_candidate(self) -> Candidate | None:
        """The default recipe, if it was in the final."""
        return next((c for c in self.candidates() if c.number == self.standing.default), None)

    def ablate(self) -> None:
        """Goes the path from the default recipe to the winner, within the plan's share for that."""
        self._phase = "ablate"
        self.path = ablate(self, self.importance)

    @cached_property
    def importance(self) -> Importance:
        """Of the settings that were searched."""
        history = [self.standing.explored[number] for number in sorted(self.standing.explored)]
        return importances(self.problem, history)

    @property
    def lookahead(self) -> int:
        """Trials before a trial that it does not know; at least as many as are trained at once."""
        return max(self.default_recipe.search.lookahead, self._place.workers)

    def candidates(self) -> list[Candidate]:
        """The finalists, the winner first."""
        return self.confirming.candidates()

    def _is_as_good(self, final: Outcome, winner: Candidate) -> bool:
        """Whether a final training came to its end, or was cut when no worse than the winner's worst run."""
        if final.state == "complete" or final.score is None:
            return final.state == "complete"
        runs = [*winner.scores, winner.explored_score]
        return final.score >= min(runs) if self.metric.direction == "maximize" else final.score <= max(runs)

    # -- exploring -----------------------------------------------------------------------------------------------

    def _ledger(self) -> Ledger:
        search = self.default_recipe.search
        return Ledger(
            self._optuna_study(),
            self.space,
            self.defaults,
            self.problem,
            self.maker.sampler,
            self.pruner,
            names=names(self.default_recipe),
            first=self.first,
            lookahead=self.lookahead,
            exact=search.order == "exact",
            limit=self._max_trials() or math.inf,
            patiently=self.patience,
            make=self._explored_job,
        )

    def _optuna_study(self) -> optuna.Study:
        return study_of(self.run, self.default_recipe.search, self.problem.directions)

    def _exploring_is_over(self) -> bool:
        if self.run.state.get("explored"):
            return True
        explored = self.standing.explored.values()
        ended, failed = len(explored), sum(outcome.state == "failed" for outcome in explored)
        dropped = len(self.run.state.get("continued", {}).get("dropped", ()))  # by an edit, and by no fault
        if failed - dropped >= HOPELESS and not self.standing.ranked(1):
            return True
        time_is_up = ended > 0 and self.run.elapsed >= self.plan.explore_until(self.run_seconds)
        if time_is_up or ended >= (self._max_trials() or math.inf):
            self.patience(lambda: self.run.save_state(explored=True))
            return True
        return False

    def _max_trials(self) -> int | None:
        """How many recipes there are to explore: one without ranges, a grid's points and the default, or no end."""
        if not self.space.ranges:
            return 1
        points = self.maker.sampler.size(self.space.ranges)
        tried = len({repr(sorted(chosen.items())) for chosen in self._tried if chosen})
        limits = (self.plan.n_trials, None if points is None else self._begin + points - tried)
        return min((limit for limit in limits if limit is not None), default=None)

    def _explored_job(self, ready: Ready) -> Job:
        return self.maker.explore(ready, self.standing.explored, self.maker.sampler.interval(self.problem))

    def _timed(self, job: Job) -> Job:
        """An explored job that begins now."""
        known_time = bool(self.standing.explored)
        until = self.plan.explore_until(self.run_seconds) if known_time else self.plan.first_until()
        seconds = self.left(until)
        search = self.default_recipe.search
        if search.trial_time is not None:
            seconds = min(seconds, parse_duration(search.trial_time, "The time of a trial"))
        return self.maker.timed(job, seconds)

    def _proposal(self, number: int) -> Proposal:
        """What an explored trial was proposed as."""
        outcome = self.standing.explored[number]
        origin = self.standing.explored.get(-1 if outcome.starts_from is None else outcome.starts_from)
        return Proposal(outcome.chosen, outcome.starts_from, origin is not None and origin.seed == outcome.seed)

    def _keep_the_best(self, job: Job, outcome: Outcome) -> None:
        """Saves a new leader as `best/`, and drops checkpoints that are no longer among the best."""
        count = max(KEEP_CHECKPOINTS, self.plan.finalists, self.default_recipe.search.ensemble)
        leaders = [o.number for o in self.standing.ranked(count)]
        if leaders and leaders[0] == outcome.number:
            card = f"Leader so far: trial {outcome.number}.\n"
            self.patience(lambda: fitted(job).save(self.run.path / "best", card=card))
        self.checkpoints.add(outcome.number)
        in_use = {job.starts_from for job in self.dispatcher.out.values() if job.starts_from is not None}
        self.checkpoints.keep({self.standing.default, *leaders, *in_use}, self._worth_keeping())

    def _worth_keeping(self) -> list[Outcome]:
        """Trials besides the best that may still go on, or be begun with."""
        if self.maker.sampler.interval(self.problem) is not None:
            return list(self.standing.explored.values())
        return [o for o in self.standing.explored.values() if o.state == "pruned"] if self._thaws else []

    def fold(self, seed_number: int) -> int:
        """The fold of a confirming run: the ones after that which recipes were explored on, in a circle."""
        data = self.default_recipe.data
        return (data.fold + 1 + seed_number) % data.num_folds if data.num_folds else data.fold

    # -- trainings -----------------------------------------------------------------------------------------------

    def run_all(self, jobs: Iterable[Job]) -> None:
        """Trains jobs, as many at once as there are workers; each is asked for when it can begin."""
        waiting, out = iter(jobs), self.dispatcher
        while True:
            while out.free and (following := next(waiting, None)) is not None:
                out.submit(following)
            if not out.out:
                return
            for job, outcome in out.wait(LOOK_SECONDS):
                self.standing.add(job.name, outcome)
                self._end(job, outcome)
                if job.phase in ("heat", "confirm", "ablate"):
                    drop_checkpoint(job.folder)

    def _end(self, job: Job, outcome: Outcome) -> None:
        """Writes down and tells that a training is over."""
        self.patience(self.run.save_state)
        self._track(job, outcome)
        message = f"{job.name}: {outcome.cause}" if outcome.state in ("failed", "infeasible") else ""
        end = Tick(outcome.epochs, int(job.leaves["training.max_epochs"]), 0, 0)
        self.tell(job.phase, job.number, end, outcome.score, message, chosen=job.chosen, state=outcome.state)

    def _track(self, job: Job, outcome: Outcome) -> None:
        """Writes a training down where the user keeps experiments."""
        if not self.trackers:
            return
        epochs = [record for record in trace.read(job.folder / "trace.jsonl") if record["kind"] == "epoch"]
        for tracker in self.trackers:
            try:
                tracker.trial(job.name, outcome, job.leaves, epochs)
            except Exception:  # each service has errors of its own, and none is a fault of the study
                logger.warning("%s could not be told of %s", tracker.title, job.name, exc_info=True)

    def left(self, until: float) -> float:
        """Seconds until the elapsed time will be so much."""
        return max(0.0, until - self.run.elapsed)

    @property
    def run_seconds(self) -> float:
        """How long a training of a promising recipe takes, as far as is known."""
        best = self.standing.ranked(self.plan.finalists)
        repeats = self.default_recipe.search.repeats
        seconds = (outcome.seconds / (max(1, len(outcome.curve)) if repeats else 1) for outcome in best)
        return max(seconds, default=self._predicted or 0.0)

    # -- telling -------------------------------------------------------------------------------------------------

    def _tick(self, job: Job, tick: Tick, score: float | None) -> None:
        self.run.tick()
        if not self.standing.explored and tick.step:
            self._guess(job, tick)
        self.tell(job.phase, job.number, tick, score, chosen=job.chosen)

    def _guess(self, job: Job, tick: Tick) -> None:
        """What a training will take, from the first seconds of the first one: what the plan has to go by at first."""
        done, now = (tick.epoch - 1) * tick.steps_per_epoch + tick.step, time.perf_counter()
        first, started = self._began.setdefault(job.name, (done, now))
        if done <= first:  # a further stage, or its worker was lost and it has begun again
            self._began[job.name] = done, now
        elif now - started > GUESS_AFTER_SECONDS:
            each = (now - started) / (done - first)
            self._predicted = each * tick.max_epochs * tick.steps_per_epoch

    def _pause(self, message: str) -> None:
        self.tell(self._phase, message=message)

    def _plan_view(self) -> PlanView | None:
        plan, each = self.plan, self.run_seconds
        if plan.seconds is None or not each:
            return None
        return PlanView(
            run_seconds=each,
            explore_until=plan.explore_until(each),
            confirm_runs=(plan.finalists + 1) * plan.num_seeds,
            confirm_seconds=plan.confirm_seconds(each),
            final_seconds=plan.final_seconds(each),
            test_seconds=plan.test_seconds,
        )

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
        leader = next(iter(self.standing.ranked(1)), None)
        counts = self.standing.counts
        self.listener(
            Progress(
                phase=phase,
                trial=trial,
                chosen=chosen or {},
                state=state,
                epoch=tick.epoch - (tick.step > 0),  # those that are complete
                max_epochs=tick.max_epochs,
                step=tick.step,
                steps_per_epoch=tick.steps_per_epoch,
                score=score,
                best=None if leader is None else leader.score,
                best_trial=None if leader is None else leader.number,
                finished=counts["complete"] + counts["stopped"],
                pruned=counts["pruned"],
                failed=counts["failed"],
                infeasible=counts["infeasible"],
                elapsed=self.run.elapsed,
                budget=self.plan.seconds,
                n_trials=self.plan.n_trials,
                objective=self.metric.title,
                direction=self.metric.direction,
                percent=self.metric.percent,
                run=str(self.run.path),
                message=message,
                workers=self.plan.workers,
                plan=self._plan_view(),
            )
        )
