"""A study of any function that returns a number: an objective as Optuna takes it, or one that asks as `hp` does.

What an objective asks for is known when it has run, so the space grows with the trials: a name that is asked for
first in trial 7 is drawn there by chance, and searched from trial 8 on.

    runs/<name>/
      study.json       the space so far, and how it is searched
      study.journal    Optuna's study; optuna-dashboard opens it
"""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto import _files
from mapsto.adapters.free_space import FreeSpace
from mapsto.errors import RunError, TrainingError
from mapsto.metrics.base import Direction
from mapsto.recipe.budget import parse_budget
from mapsto.recipe.hyperparameters import Asked, HyperParameters
from mapsto.recipe.ranges import Choice, Range
from mapsto.recipe.scalars import Scalar
from mapsto.recipe.seeds import derive
from mapsto.search.editing import distribution
from mapsto.search.free_journal import FreeJournal, outcome_of
from mapsto.search.free_study import FREE_STUDY, Definition, Proposer
from mapsto.search.outcome import Outcome, ranked
from mapsto.search.progress import Listener, Progress
from mapsto.search.run import Run, run_path

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

DEFAULT_TRIALS = 20

HOPELESS = 10
"""Where so many trials failed and none did not, the fault is not that of their values."""


class Trial(HyperParameters):
    """What an objective is given: it asks for values, reports how it does, and hears whether to end.

    It is Optuna's trial as far as objectives use one: `suggest_*`, `report`, `should_prune`, `number`, `params`,
    `set_user_attr`; and `hp` as builders use it.

    Args:
        number: of the trial.
        values: that were proposed, by name.
        draw: gives a value for a name that nothing was proposed for.
        stops: whether it should end, given its curve.

    Attributes:
        curve: steps and values reported so far.
        user_attrs: what the objective noted down.
    """

    def __init__(
        self,
        number: int,
        values: Mapping[str, Scalar],
        draw: Callable[[str, Range, Scalar], Scalar],
        stops: Callable[[list[tuple[int, float]]], bool],
    ) -> None:
        super().__init__(values)
        self.number, self.curve, self.user_attrs = number, list[tuple[int, float]](), dict[str, Any]()
        self._draw, self._stops = draw, stops

    def report(self, value: float, step: int) -> None:
        """Says how the trial does so far.

        Args:
            value: of what the objective returns in the end.
            step: a whole number, at least 0, such as the epoch.
        """
        number = float(value)
        if math.isfinite(number):
            self.curve = [*((s, v) for s, v in self.curve if s != int(step)), (int(step), number)]

    def should_prune(self) -> bool:
        """Whether others do so much better that the trial should end, by raising `optuna.TrialPruned`."""
        return self._stops(sorted(self.curve))

    def set_user_attr(self, key: str, value: Any) -> None:
        """Notes something down beside the trial."""
        self.user_attrs[key] = value

    def _open(self, name: str, range_: Range, default: Scalar) -> Scalar:
        return self._draw(name, range_, default)


@dataclass(frozen=True)
class ObjectiveResult:
    """What came of a study of a function.

    Attributes:
        folder: the run folder.
        direction: whether more is better.
        trials: what was tried, by number.
        seconds: that were worked on it.
    """

    folder: Path
    direction: Direction
    trials: tuple[Outcome, ...]
    seconds: float

    @property
    def best_trial(self) -> Outcome:
        """The trial with the best value, the first of equals."""
        return ranked(list(self.trials), self.direction)[0]

    @property
    def best_params(self) -> dict[str, Any]:
        """Its values, by the names that the objective asks for."""
        return dict(self.best_trial.chosen)

    @property
    def best_value(self) -> float:
        """What the objective returned for it."""
        assert self.best_trial.score is not None
        return self.best_trial.score

    def to_json(self) -> dict[str, Any]:
        """The result in JSON's types."""
        trials = [outcome.to_json() for outcome in self.trials]
        return {"run": str(self.folder), "direction": self.direction, "seconds": self.seconds, "trials": trials}


def tune_objective(
    objective: Callable[[Any], float],
    *,
    direction: Direction = "minimize",
    budget: str | float | None = None,
    n_trials: int | None = None,
    sampler: str = "tpe",
    pruner: str = "median",
    seed: int = 0,
    start: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    listener: Listener | None = None,
) -> ObjectiveResult:
    """Searches for the values under which a function returns the best number.

    Args:
        objective: takes a `Trial`, asks it for values, returns a number; it may report steps and end early by raising
            `optuna.TrialPruned`. An exception of another kind is a failed trial.
        direction: whether more of it is better; Optuna's default, minimize, is the default.
        budget: time in seconds, or as `"10m"`; the trial under way when it is over is the last.
        n_trials: 20 where there is no budget either. Trials that the folder holds already count.
        sampler: who proposes.
        pruner: who answers `should_prune`, from how others did at the same step.
        seed: what all randomness of the proposals follows from.
        start: values of the first trial; others begin in the middle of their range.
        out: the run folder; where it holds a study of an objective, that is gone on with. None: `runs/` and the
            function's name.
        listener: told where the study stands.

    Example:
        >>> import tempfile
        >>> result = tune_objective(
        ...     lambda trial: (trial.suggest_float("x", -1, 1) - 0.5) ** 2, n_trials=8, out=tempfile.mkdtemp() + "/run"
        ... )
        >>> len(result.trials), -1 <= result.best_params["x"] <= 1
        (8, True)

    Raises:
        RecipeError: the sampler, the pruner or a value is not known.
        RunError: the folder holds something else.
        TrainingError: not one trial came to a number.
    """
    if budget is None and n_trials is None:
        n_trials = DEFAULT_TRIALS
    definition = Definition.of(
        settings=(), metric="value", direction=direction, sampler=sampler, pruner=pruner, seed=seed,
    )  # fmt: skip
    definition.check()
    name = getattr(objective, "__name__", type(objective).__name__).strip("<>")
    path = Path(out) if out is not None else run_path(name, overwrite=False)
    run = _opened(path, definition)
    try:
        study = _ObjectiveStudy(run, definition, objective, dict(start or {}), listener)
        return study.work(n_trials, parse_budget(budget) if isinstance(budget, str) else budget)
    finally:
        run.save_state()
        run.close()


def _opened(path: Path, definition: Definition) -> Run:
    """The run folder, new, or with the study that it holds.

    Raises:
        RunError: it holds another study.
    """
    if not (path / FREE_STUDY).exists():
        run = Run.create(path)
        definition.write(path)
        return run
    there = Definition.read(path)
    if there.plan is not None or there.direction != definition.direction or there.metric != definition.metric:
        raise RunError(f"{path} holds another study, not one of this objective. Choose another folder.")
    return Run(path)


class _ObjectiveStudy:
    """A study at work: one trial after the other, each written down when it is over."""

    def __init__(
        self, run: Run, definition: Definition, objective: Callable[[Any], float], start: dict[str, Any],
        listener: Listener | None,
    ) -> None:  # fmt: skip
        self.run, self.definition, self.objective, self.start = run, definition, objective, start
        self.listener = listener or _silent
        self.journal = FreeJournal.in_folder(run.path, definition.direction)
        there = Definition.read(run.path)
        self.ranges: dict[str, Range] = dict(there.space.ranges)
        self._proposer: Proposer | None = None

    def work(self, n_trials: int | None, seconds: float | None) -> ObjectiveResult:
        """Works until the trials or the time are used up."""
        for trial in self.journal.trials():
            if not trial.state.is_finished():  # of a process that was killed
                self.journal.tell(replace(outcome_of(trial, 0), state="failed", score=None, cause="interrupted"))
        while not self._is_over(n_trials, seconds):
            self._run_one()
        outcomes = self._outcomes()
        if not ranked(outcomes, self.definition.direction):
            causes = "; ".join(f"trial {o.number}: {o.cause}" for o in outcomes[:3])
            raise TrainingError(f"No trial came to a value ({causes or 'the time was too short'}).")
        result = ObjectiveResult(self.run.path, self.definition.direction, tuple(outcomes), self.run.elapsed)
        _files.write_json(self.run.path / "results.json", result.to_json())
        return result

    def _is_over(self, n_trials: int | None, seconds: float | None) -> bool:
        outcomes = self._outcomes()
        is_hopeless = len(outcomes) >= HOPELESS and all(outcome.state == "failed" for outcome in outcomes)
        is_late = seconds is not None and self.run.elapsed >= seconds
        return is_hopeless or is_late or (n_trials is not None and len(outcomes) >= n_trials)

    def _outcomes(self) -> list[Outcome]:
        return [outcome_of(trial, self._seed(trial.number)) for trial in self.journal.trials()]

    def _seed(self, number: int) -> int:
        return derive(self.definition.seed, "trial", number)

    def _run_one(self) -> None:
        import optuna  # here, since it takes a quarter of a second to import

        outcomes = self._outcomes()
        number = len(outcomes)
        proposer, asked = self._proposed(outcomes)
        chance = optuna.samplers.RandomSampler(derive(self.definition.seed, "drawn", number) % 2**32)

        def draw(name: str, range_: Range, default: Scalar) -> Scalar:
            if number == 0:
                return self.start.get(name, default)
            found: Scalar = chance.sample_independent(self.journal.study, None, name, distribution(range_))  # type: ignore[arg-type]
            return found

        def stops(curve: list[tuple[int, float]]) -> bool:
            return asked is not None and proposer is not None and proposer.stops(asked, curve)

        trial = Trial(number, {} if asked is None else asked.params, draw, stops)
        started = time.perf_counter()
        state, value, cause = _outcome(self.objective, trial)
        curve = tuple((step, (v,)) for step, v in sorted(trial.curve))
        active = {name: one for name, one in trial.asked.items() if one.is_active}
        self._record(number, active, trial)
        self.journal.tell(
            Outcome(
                number=number, phase="explore", state=state, cause=cause, score=value, best_epoch=0,
                epochs=curve[-1][0] if curve else 0, steps=len(curve), seconds=time.perf_counter() - started,
                parameters=0, chosen={name: one.value for name, one in active.items()}, seed=self._seed(number),
                curve=curve,
            )
        )  # fmt: skip
        self._grow(trial.asked)
        self.run.save_state()
        best = ranked(self._outcomes(), self.definition.direction)
        message = f"trial {number}: {state}" + ("" if value is None else f", {value:.6g}")
        score = best[0].score if best else None
        self.listener(Progress(phase="explore", run=str(self.run.path), message=message, trial=number, best=score))

    def _with(self, **changes: Any) -> Definition:
        return Definition.of(**{**self.definition.model_dump(), **changes})

    def _proposed(self, outcomes: list[Outcome]) -> tuple[Proposer | None, FrozenTrial | None]:
        """The next trial as the sampler wants it; None while nothing is known that could be searched."""
        if not self.ranges:
            return None, None
        steps = max((outcome.epochs for outcome in outcomes if outcome.state == "complete"), default=0)
        definition = self._with(
            settings=tuple(FreeSpace(self.ranges).to_settings()),
            max_fidelity=max(1, steps),
        )
        proposer = Proposer(definition)
        for trial in self.journal.trials():
            proposer.add(trial)
        for outcome in outcomes:
            proposer.tell(outcome)
        return proposer, proposer.ask(outcomes)

    def _record(self, number: int, active: Mapping[str, Asked], trial: Trial) -> None:
        """Writes a trial into the journal, with the values that it asked for."""
        from optuna.trial import TrialState, create_trial

        ranges = {name: self.ranges.get(name, one.range) for name, one in active.items()}
        found = create_trial(
            state=TrialState.RUNNING,
            params={name: one.value for name, one in active.items()},
            distributions={name: distribution(range_) for name, range_ in ranges.items()},
            user_attrs={key: value for key, value in trial.user_attrs.items() if _is_plain(value)},
        )
        self.journal.study.add_trial(found)

    def _grow(self, asked: Mapping[str, Asked]) -> None:
        """Takes in names that were not known; what is asked for is searched whether or not a branch needs it."""
        new = {name: _unconditional(one.range) for name, one in asked.items() if name not in self.ranges}
        if new:
            self.ranges |= new
            self._with(settings=tuple(FreeSpace(self.ranges).to_settings())).write(self.run.path)


def _outcome(objective: Callable[[Any], float], trial: Trial) -> tuple[Any, float | None, str]:
    """State, value and cause of a trial."""
    try:
        value = objective(trial)
    except Exception as error:  # noqa: BLE001 - the objective's fault is this trial's outcome, not the study's end
        if type(error).__name__ == "TrialPruned":
            return ("pruned", None, "other trials were better with as much") if trial.curve else (
                "failed", None, "ended early without a report",
            )  # fmt: skip
        return "failed", None, " ".join(traceback.format_exception_only(error)[-1].split())[:500]
    try:
        number = float(value)
    except (TypeError, ValueError):
        return "failed", None, f"it returned {value!r}, which is no number"
    return ("complete", number, "") if math.isfinite(number) else ("failed", None, f"it returned {number}")


def _unconditional(range_: Range) -> Range:
    """The range whatever else holds."""
    return Choice(*range_.options) if isinstance(range_, Choice) else replace(range_, when=None)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool | list | dict)


def _silent(progress: Progress) -> None:
    del progress
