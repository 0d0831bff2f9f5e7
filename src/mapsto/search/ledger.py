"""The study's book: what was proposed and what came of it, in an order that does not depend on who was faster.

All that touches Optuna's study happens on one thread, one operation after the other. In the exact order these are

    ask(0) ... ask(L-1)   tell(0) ask(L)   tell(1) ask(L+1)   tell(2) ...

with L the lookahead, so that trial n is proposed in the knowledge of the trials 0 to n-L and of no other, whether they
were trained one after the other, at once, or in another order: the study is the same. A trial that is over before its
turn waits. Besides, proposals are made while trials are trained, and what a sampler costs is not waited for.

The storage holds, at any instant, a beginning of that sequence; so a study that was killed goes on with the next one.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from mapsto.recipe.ranges import Choice, Int, Log, Range, Uniform
from mapsto.recipe.seeds import derive
from mapsto.search.journal import together
from mapsto.search.outcome import Outcome
from mapsto.search.problem import Problem, Proposal

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from mapsto.recipe.space import Space
    from mapsto.search.pruners.base import Pruner
    from mapsto.search.samplers.base import Sampler

STARTS_FROM, GOES_ON = "starts_from", "goes_on"


class Ready(NamedTuple):
    """A trial that can be trained."""

    number: int
    proposal: Proposal
    known: Mapping[str, Any] | None


class Ledger:
    """Proposes trials ahead of their time, and takes down what became of them.

    Args:
        study: Optuna's, touched by nobody else from now on.
        space: what is searched.
        defaults: values of leaves that the space leaves open.
        problem: the same for samplers and pruners.
        sampler: who proposes.
        pruner: who stops trials early.
        names: of the objectives.
        first: recipes that trials begin with, by number: the default, and what did well elsewhere.
        lookahead: trials before a trial that it does not know.
        exact: whether the order is as above; else a trial knows whatever is over when it is proposed.
        limit: trials, at most.
        patiently: runs a write, and again as long as the disk is full.
        make: what `take` gives of a trial: made ahead of its time, on the ledger's thread.
    """

    def __init__(
        self,
        study: optuna.Study,
        space: Space,
        defaults: Mapping[str, Any],
        problem: Problem,
        sampler: Sampler,
        pruner: Pruner,
        *,
        names: Sequence[str],
        first: Mapping[int, Mapping[str, Any]],
        lookahead: int,
        exact: bool,
        limit: float,
        patiently: Callable[[Callable[[], None]], None],
        make: Callable[[Ready], Any] = lambda ready: ready,
    ) -> None:
        self.study, self.space, self.defaults, self.problem = study, space, defaults, problem
        self.sampler, self.pruner, self.names, self.first = sampler, pruner, tuple(names), dict(first)
        self.lookahead, self.exact, self.limit, self._patiently = lookahead, exact, limit, patiently
        self._make = make
        self._told: dict[int, Outcome] = {}
        self._numbers: list[int] = []  # of the trials that were told, sorted, and beside it what came of them
        self._in_order: list[Outcome] = []
        self._given: dict[int, Outcome] = {}
        self._ready: deque[Any] = deque()
        self._ids: dict[int, int] = {}
        self._asked = 0
        self._origins: dict[int, int] = {}
        self._changed = threading.Condition()
        self._fault: BaseException | None = None
        self._closing = False
        self._looked = False
        self._thread = threading.Thread(target=self._work, name="mapsto-ledger", daemon=True)

    def begin(self, outcomes: Mapping[int, Outcome]) -> None:
        """Starts, or goes on where the study stood.

        Args:
            outcomes: of all trials that are over, by number.
        """
        self._given = dict(outcomes)
        self._thread.start()

    def take(self, timeout: float = 0.0) -> Any:
        """The next trial to be trained, as `make` made it, if there is one within so many seconds; else None."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._fault or self._is_idle(), timeout)
            self._raise()
            return self._ready.popleft() if self._ready else None

    def give(self, outcome: Outcome) -> None:
        """Takes down what became of a trial, when its turn comes."""
        with self._changed:
            self._raise()
            self._given[outcome.number] = outcome
            self._changed.notify_all()

    @property
    def is_exhausted(self) -> bool:
        """Whether no further trial will come, whatever becomes of those that are out."""
        with self._changed:
            self._raise()
            return self._looked and not self._ready and self._asked >= self.limit

    def close(self, *, settle: bool = False) -> None:
        """Stops proposing.

        Args:
            settle: first takes down everything that is known.
        """
        with self._changed:
            if settle:
                self.limit = 0
                self._changed.wait_for(lambda: self._fault or (self._looked and not self._next_tell()))
            self._closing = True
            self._changed.notify_all()
        self._thread.join(10.0)
        if settle:
            self._raise()

    # -- the thread -----------------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._patiently(self._look)
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._closing or self._may_ask() or self._next_tell())
                    if self._closing:
                        return
                    outcome = None if self._may_ask() else self._next_tell()
                if outcome is None:
                    self._patiently(self._ask)
                else:
                    self._patiently(partial(self._tell, outcome))
                with self._changed:
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001  it is raised again in the thread that leads
            with self._changed:
                self._fault = error
                self._changed.notify_all()

    def _raise(self) -> None:
        if self._fault is not None:
            raise self._fault

    def _is_idle(self) -> bool:
        return not self._may_ask() and self._next_tell() is None and self._asked >= self.limit

    def _may_ask(self) -> bool:
        return self._asked < min(self.limit, len(self._told) + self.lookahead)

    def _next_tell(self) -> Outcome | None:
        """The outcome whose turn it is."""
        if self.exact:
            return self._given.get(len(self._told))
        return next((o for n, o in self._given.items() if n not in self._told and n < self._asked), None)

    def _look(self) -> None:
        """Finds out how far the storage has come."""
        from optuna.trial import TrialState

        self._told.clear()  # it may be a second look, after a full disk
        self._numbers.clear()
        trials = sorted(self.study.get_trials(deepcopy=False), key=lambda trial: trial.number)
        self._ids = {trial.number: trial._trial_id for trial in trials}
        for trial in trials:
            if trial.state.is_finished():
                self._take_down(self._given.get(trial.number) or _lost(trial.number))
        asked = [trial for trial in trials if trial.state != TrialState.WAITING]
        whole = [t for t in asked if t.state.is_finished() or self._is_whole(t.params)]
        ready = []
        for trial in whole:
            attrs = trial.user_attrs
            proposal = Proposal(self._chosen(trial.params), attrs.get(STARTS_FROM), attrs.get(GOES_ON, False))
            first = self._first_part(trial.number, proposal)
            if trial.number not in self._given and not trial.state.is_finished():
                ready.append(self._make(self._with_known(trial.number, proposal, first)))
        with self._changed:  # at once: whoever waits must not see a study that has asked for all and has none ready
            self._asked, self._looked = len(whole), True
            self._ready.extend(ready)
            self._changed.notify_all()

    def _is_whole(self, params: Mapping[str, Any]) -> bool:
        """Whether a trial that was being asked for has all its values."""
        missing = False

        def value(name: str, range_: Range) -> Any:
            nonlocal missing
            missing = missing or name not in params
            return params.get(name, range_.center())

        self.space.walk(value, self.defaults)
        return not missing

    def _chosen(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return self.space.walk(lambda name, range_: params.get(name, range_.center()), self.defaults)

    # -- one operation --------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        with together(self.study):
            number, proposal = self._asked, self._proposed()
        ready = self._with_known(number, proposal, self._first_part(number, proposal))
        made = self._make(ready)
        with self._changed:
            self._asked = number + 1
            self._ready.append(made)

    def _proposed(self) -> Proposal:
        """Has the next trial proposed; Optuna's study then holds it."""
        import optuna
        from optuna.trial import TrialState

        number = self._asked
        seed = derive(self.problem.seed, "sampler", number)
        self.study.sampler = self.sampler.build(self.problem, seed)
        begun = self._begun(number)  # before the study was killed, or the disk was full
        if begun is None:
            self._enqueue(number, seed)
        running = begun is not None and begun.state == TrialState.RUNNING
        trial = optuna.Trial(self.study, begun._trial_id) if begun is not None and running else self.study.ask()
        attrs = trial.user_attrs
        laid_ready = self.study._storage.get_trial(trial._trial_id).system_attrs.get("fixed_params", {})

        def value(name: str, range_: Range) -> Any:
            if name not in laid_ready and name not in trial.relative_params:  # which samples when it is looked at
                # A value that is drawn by itself must not depend on how many were drawn before it: a trial whose asking
                # was interrupted has some already.
                self.study.sampler = self.sampler.build(self.problem, derive(seed, name))
            return suggest(trial, name, range_)

        chosen = self.space.walk(value, self.defaults)
        self._ids[number] = trial._trial_id
        return Proposal(chosen, attrs.get(STARTS_FROM), attrs.get(GOES_ON, False))

    def _begun(self, number: int) -> FrozenTrial | None:
        """The trial of this number, where the storage has it already."""
        storage = self.study._storage
        try:
            return storage.get_trial(storage.get_trial_id_from_study_id_trial_number(self.study._study_id, number))
        except KeyError:
            return None

    def _enqueue(self, number: int, seed: int) -> None:
        """Lays a recipe ready for Optuna's next trial, where it is not the sampler of Optuna that proposes."""
        proposal = self._own(number, seed)
        if proposal is None or not (proposal.chosen or proposal.starts_from is not None):
            return
        attrs = {} if proposal.starts_from is None else {STARTS_FROM: proposal.starts_from, GOES_ON: proposal.goes_on}
        self.study.enqueue_trial(proposal.chosen, user_attrs=attrs)

    def _own(self, number: int, seed: int) -> Proposal | None:
        if number in self.first:
            return Proposal(dict(self.first[number]))
        history = self._history(number)
        going_on = {origin for trial, origin in self._origins.items() if trial not in self._told}
        stopped = self.pruner.thaws(self.problem, history, going_on)
        if stopped is not None:
            return Proposal(dict(self._told[stopped].chosen), starts_from=stopped, goes_on=True)
        return self.sampler.propose(self.problem, history, number, seed)

    def _first_part(self, number: int, proposal: Proposal) -> int:
        """The trial that began the training which a trial goes on with; mostly itself."""
        first = number
        if proposal.goes_on and proposal.starts_from is not None:
            self._origins[number] = first = proposal.starts_from
            while first in self._origins:
                first = self._origins[first]
        return first

    def _with_known(self, number: int, proposal: Proposal, first: int) -> Ready:
        """A proposal with what its trial has to know of the others; one that goes on is judged as the one it was."""
        return Ready(number, proposal, self.pruner.knows(self.problem, self._history(number), first))

    def _history(self, number: int) -> list[Outcome]:
        """What a trial may know, by number."""
        known = bisect_right(self._numbers, number - self.lookahead) if self.exact else len(self._numbers)
        return self._in_order[:known]

    def _tell(self, outcome: Outcome) -> None:
        """Tells Optuna what became of a trial."""
        with together(self.study):
            self._write(outcome)
        self._take_down(outcome)

    def _take_down(self, outcome: Outcome) -> None:
        """From now on trials may know it."""
        place = bisect_right(self._numbers, outcome.number)
        self._numbers.insert(place, outcome.number)
        self._in_order.insert(place, outcome)
        with self._changed:
            self._told[outcome.number] = outcome

    def _write(self, outcome: Outcome) -> None:
        from optuna.trial import TrialState

        storage, number = self.study._storage, outcome.number
        trial = self._ids[number]
        if storage.get_trial(trial).state.is_finished():
            return
        if len(self.problem.directions) == 1:  # Optuna takes no curves of several objectives
            for unit, (value, *_) in outcome.curve:
                if math.isfinite(value):
                    storage.set_trial_intermediate_value(trial, unit, value)
        if outcome.state in ("failed", "infeasible"):
            storage.set_trial_user_attr(trial, "cause", outcome.cause)
        for name, violation in outcome.violations.items():
            storage.set_trial_system_attr(trial, f"constraints:{name}", violation)
        values = [outcome.values.get(name) for name in self.names] if len(self.names) > 1 else [outcome.score]
        if outcome.state in ("pruned", "infeasible"):
            self.study.tell(number, state=TrialState.PRUNED)
        elif outcome.state == "failed" or None in values:
            self.study.tell(number, state=TrialState.FAIL)
        else:
            self.study.tell(number, [float(value) for value in values if value is not None])


def _lost(number: int) -> Outcome:
    """A trial that the storage knows and the run folder does not."""
    return Outcome(number, "explore", "failed", "its result is not there", None, 0, 0, 0, 0.0, 0)


def drop_unfinished(study: optuna.Study) -> None:
    """Trials that were proposed ahead and never trained would look as if they were still running."""
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)


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
