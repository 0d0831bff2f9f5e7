"""Ask and tell: settings are proposed to whoever asks for them, and what they come to is told.

For whatever cannot be run as a command: an agent, a notebook, a laboratory, a cluster with its own queue. Everything
lies in a folder: `study.json`, what is searched, and `study.journal`, Optuna's study with every trial. Each function
here is one operation; it holds the folder's lock while it lasts, so any number of processes may work on one study.

    >>> import tempfile
    >>> from mapsto.search import asking
    >>> folder = tempfile.mkdtemp()
    >>> asking.create(folder, ["x=uniform(-1, 1)"], metric="error", direction="minimize")
    >>> for _ in range(3):
    ...     asked = asking.ask(folder)
    ...     _ = asking.tell(folder, asked["trial"], asked["settings"]["x"] ** 2)
    >>> asking.best(folder)["settings"]
    {'x': 0.0}
"""

from __future__ import annotations

import fcntl
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mapsto import _files
from mapsto.adapters.free_space import FreeSpace
from mapsto.errors import RecipeError, RunError
from mapsto.metrics.base import Direction
from mapsto.recipe.family import did_you_mean
from mapsto.search.free_journal import FreeJournal, outcome_of
from mapsto.search.free_study import FREE_STUDY, Definition, Proposer
from mapsto.search.outcome import Outcome

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

Ending = Literal["complete", "pruned", "failed"]


def create(
    folder: str | Path,
    settings: FreeSpace | Mapping[str, Any] | Iterable[str],
    *,
    metric: str = "value",
    direction: Direction = "maximize",
    sampler: str = "tpe",
    pruner: str = "off",
    max_fidelity: int = 1,
    seed: int = 0,
    start: Mapping[str, Any] | None = None,
    exist_ok: bool = False,
) -> None:
    """Begins a study in a new folder, or in one that is empty.

    Args:
        folder: where it lies.
        settings: values and ranges by name, or `name=value` texts.
        metric: what the values that are told measure.
        direction: whether more of it is better.
        sampler: who proposes.
        pruner: who says, at each `report`, whether a trial should end early.
        max_fidelity: steps that a whole trial reports; pruners have to know it.
        seed: what all randomness follows from.
        start: values for the first trial; other ranges begin in their middle.
        exist_ok: whether the folder may hold this very study already, which is then gone on with.

    Raises:
        RecipeError: a setting, or one of the names, is wrong.
        RunError: something else is in the folder already.
    """
    space = settings if isinstance(settings, FreeSpace) else _space(settings)
    definition = Definition.of(
        settings=tuple(space.to_settings()),
        metric=metric,
        direction=direction,
        sampler=sampler,
        pruner=pruner,
        max_fidelity=max_fidelity,
        seed=seed,
        start=dict(start or {}),
    )
    definition.check()
    folder = Path(folder)
    with _files.explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        if exist_ok and (folder / FREE_STUDY).exists():
            _check_same(Definition.read(folder), definition, folder)
            return
        if any(entry.name != ".lock" for entry in folder.iterdir()):
            raise RunError(
                f"{folder} is not empty, so no study is begun there. Go on with a study that it holds by "
                f"`mapsto ask {folder}`, or choose another folder."
            )
        FreeJournal.in_folder(folder, direction)
        definition.write(folder)


def ask(folder: str | Path) -> dict[str, Any]:
    """The next settings to try.

    Returns:
        `{"trial": its number, "seed": what it should draw its randomness from, "settings": values by name}`; only
        settings that have a value in this trial are there.

    Raises:
        RunError: there is no study, or its sampler has nothing new to propose.
    """
    with _opened(folder) as (definition, ledger):
        trials, limit = ledger.trials(), definition.limit
        if limit is not None and len(trials) >= limit:
            raise RunError(
                f"All {limit} trials of this study have been asked for. `mapsto ask {folder} --best` tells the best."
            )
        proposer, history = Proposer(definition), _history(definition, trials)
        for trial in trials:
            proposer.add(trial)
        for outcome in history:
            proposer.tell(outcome)
        trial = proposer.ask(history)
        ledger.add(trial)
        return _asked(definition, trial)


def report(folder: str | Path, trial: int, step: int, value: float) -> bool:
    """Tells how a trial does so far.

    Args:
        folder: of the study.
        trial: its number.
        step: how far it is: a whole number, such as the epoch; a step that was told before gets the new value.
        value: the metric then.

    Returns:
        Whether the trial should end now, since others do better; `tell(..., state="pruned")` ends it.

    Raises:
        RunError: there is no such trial, or it has ended.
        RecipeError: the step or the value is no finite number.
    """
    if isinstance(step, bool) or not isinstance(step, int) or step < 0:
        raise RecipeError(f"A step is a whole number, at least 0. Received: {step!r}.")
    value = _finite("value", value)
    with _opened(folder) as (definition, ledger):
        frozen = _find(ledger.trials(), trial)
        if frozen.state.is_finished():
            raise RunError(f"Trial {trial} has ended ({_ending(frozen)}), so nothing more is reported of it.")
        ledger.report(trial, step, value)
        curve = sorted({**frozen.intermediate_values, step: value}.items())
        return Proposer(definition).stops(frozen, curve)


def tell(
    folder: str | Path,
    trial: int,
    value: float | Mapping[str, float] | None = None,
    *,
    state: Ending = "complete",
    cause: str = "",
) -> dict[str, Any]:
    """Ends a trial. Telling the same again changes nothing, so that who is unsure may tell twice.

    Args:
        folder: of the study.
        trial: its number.
        value: the metric's value where it is complete; or values by name, the metric's among them.
        state: complete; pruned (it was ended early, and what it reported counts); failed.
        cause: why it failed, in words.

    Returns:
        The trial as `trials` lists it.

    Raises:
        RunError: there is no such trial, or something else has been told of it.
        RecipeError: the value is missing or not finite, or there is one although the trial is not complete.
    """
    with _opened(folder) as (definition, ledger):
        frozen = _find(ledger.trials(), trial)
        score = _score(definition, value, state)
        if state == "pruned" and not frozen.intermediate_values:
            raise RecipeError(f"Trial {trial} has reported nothing, so it was not ended early. Tell it failed instead.")
        if frozen.state.is_finished():
            told = outcome_of(frozen, 0)
            if told.state != state or (state == "complete" and told.score != score):
                raise RunError(
                    f"Trial {trial} has been told already: {_ending(frozen)}. What was told is not changed; "
                    f"ask for another trial to measure again."
                )
        else:
            told = outcome_of(frozen, definition.trial_seed(trial))
            ledger.tell(replace(told, state=state, score=score, cause=cause, curve=()))
        return _record(definition, ledger.trials()[trial])


def best(folder: str | Path) -> dict[str, Any] | None:
    """The complete trial with the best value, the first of equals; None before there is one.

    Raises:
        RunError: there is no study.
    """
    with _opened(folder) as (definition, ledger):
        done = [_record(definition, trial) for trial in ledger.trials()]
    scored = [trial for trial in done if trial["state"] == "complete"]
    sign = -1 if definition.direction == "maximize" else 1
    return min(scored, key=lambda trial: (sign * trial["value"], trial["trial"]), default=None)


def trials(folder: str | Path) -> list[dict[str, Any]]:
    """Every trial: number, seed, settings, `state` (one that has not ended is `"running"`), value and cause.

    Raises:
        RunError: there is no study.
    """
    with _opened(folder) as (definition, ledger):
        return [_record(definition, trial) for trial in ledger.trials()]


def _check_same(there: Definition, given: Definition, folder: Path) -> None:
    pairs = zip(there.model_dump().items(), given.model_dump().values(), strict=True)
    differing = [name for (name, one), other in pairs if one != other]
    if differing:
        raise RunError(
            f"{folder} holds another study: its {' and '.join(differing)} differ from what is given. Go on with it by "
            f"`mapsto ask {folder}` alone, or choose another folder."
        )


def _space(settings: Mapping[str, Any] | Iterable[str]) -> FreeSpace:
    if isinstance(settings, Mapping):
        return FreeSpace.from_mapping(settings)
    return FreeSpace.from_settings([settings] if isinstance(settings, str) else settings)


@contextmanager
def _opened(folder: str | Path) -> Iterator[tuple[Definition, FreeJournal]]:
    """A study for one operation; nobody else works on it meanwhile."""
    folder = Path(folder)
    Definition.read(folder)  # before the lock, which would make a file in a folder that is no study
    with _locked(folder):
        definition = Definition.read(folder)
        if definition.plan is not None:
            raise RunError(
                f"{folder} is a study that runs its command itself: `mapsto resume {folder}` goes on with it. To ask "
                f"and tell, begin a study of your own by `mapsto ask FOLDER --new`."
            )
        yield definition, FreeJournal.in_folder(folder, definition.direction)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Waits until nobody else works in the folder; the kernel lets go of the lock when the process is gone."""
    with _files.explained(folder):
        lock = (folder / ".lock").open("a+b")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _history(definition: Definition, trials: Iterable[FrozenTrial]) -> list[Outcome]:
    return [outcome_of(t, definition.trial_seed(t.number)) for t in trials if t.state.is_finished()]


def _find(trials: list[FrozenTrial], number: int) -> FrozenTrial:
    if not isinstance(number, bool) and isinstance(number, int) and 0 <= number < len(trials):
        return trials[number]
    opened = [str(trial.number) for trial in trials if not trial.state.is_finished()]
    waiting = f" Trials that have not ended: {', '.join(opened[:10])}." if opened else ""
    raise RunError(f"There is no trial {number!r}: {len(trials)} have been asked for.{waiting}")


def _score(definition: Definition, value: float | Mapping[str, float] | None, state: Ending) -> float | None:
    """The metric's value; None where the trial is not complete."""
    if state not in ("complete", "pruned", "failed"):
        raise RecipeError(f"A trial ends complete, pruned or failed. Received: {state!r}.")
    if state != "complete":
        if value is not None:
            raise RecipeError(f"A trial that is {state} has no value. Received: {value!r}.")
        return None
    if isinstance(value, Mapping):
        if definition.metric not in value:
            hint = did_you_mean(definition.metric, value)
            raise RecipeError(f"The value of `{definition.metric}` is missing.{hint} Received: {dict(value)}.")
        value = value[definition.metric]
    return _finite(definition.metric, value)


def _finite(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise RecipeError(
            f"`{name}` must be a finite number. Received: {value!r}. A trial without one has failed: state failed."
        )
    return number


def _asked(definition: Definition, trial: FrozenTrial) -> dict[str, Any]:
    settings = definition.space.complete(trial.params)
    return {"trial": trial.number, "seed": definition.trial_seed(trial.number), "settings": settings}


def _record(definition: Definition, trial: FrozenTrial) -> dict[str, Any]:
    outcome = outcome_of(trial, 0)
    state = outcome.state if trial.state.is_finished() else "running"
    return {**_asked(definition, trial), "state": state, "value": outcome.score, "cause": outcome.cause}


def _ending(trial: FrozenTrial) -> str:
    outcome = outcome_of(trial, 0)
    return outcome.state if outcome.score is None else f"{outcome.state}, {outcome.score}"
