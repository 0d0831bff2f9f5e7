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

import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from mapsto.adapters.free_space import FreeSpace
from mapsto.adapters.sweep import read_sweep
from mapsto.adapters.template import Template
from mapsto.errors import RecipeError, RunError
from mapsto.metrics.base import Direction
from mapsto.recipe.budget import parse_budget, parse_duration
from mapsto.search.command_result import CommandStudyResult
from mapsto.search.command_work import CommandStudy
from mapsto.search.free_study import CommandPlan, Definition
from mapsto.search.progress import Listener, Progress
from mapsto.search.run import Run, run_path

logger = logging.getLogger("mapsto")

DEFAULT_TRIALS = 20
"""Settings that are tried when neither a time nor a number is given."""

DEFAULT_SEEDS = 3
"""Further seeds of each finalist where the command has a place for a seed."""

LOOKAHEAD = 4

LOOK_SECONDS = 0.2
"""The main thread looks up so often: a signal that the system hands to another thread does not wake it."""


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
        workers=workers,
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


def tune_sweep(path: str | Path, **options: Any) -> CommandStudyResult:
    """Runs a sweep of Weights & Biases as a study of its program.

    Args:
        path: the sweep's YAML file (see `mapsto.adapters.sweep`).
        options: arguments of `tune_command`, which go before what the sweep says.

    Raises:
        RecipeError: the file is no sweep, or says something that cannot be done here.
        TrainingError: not one trial came to a number.
    """
    sweep = read_sweep(Path(path))
    if sweep.unused:
        logger.info("%s: %s mean nothing here.", path, ", ".join(f"`{key}`" for key in sweep.unused))
    given = {"metric": sweep.metric, "direction": sweep.direction, **sweep.options, **options}
    return tune_command(sweep.command, sweep.space, **given)


def resume_command(
    folder: str | Path,
    *,
    budget: str | float | None = None,
    n_trials: int | None = None,
    workers: int | None = None,
    listener: Listener | None = None,
) -> CommandStudyResult:
    """Goes on with a study of a program. What was finished is kept; trials that were interrupted are started again.

    Args:
        folder: the run folder.
        budget: another budget for all of it, the time already worked counted; None: that of the study.
        n_trials: another number of settings to try; None: that of the study.
        workers: programs that run at once; None: as many as before.
        listener: told where the study stands.

    Raises:
        RunError: there is no such study, or another process works on it.
        TrainingError: not one trial came to a number.
    """
    folder = Path(folder)
    definition = Definition.read(folder)
    if definition.plan is None:
        raise RunError(f"{folder} is a study that is asked and told: `mapsto ask {folder}` goes on with it.")
    changed = {
        "budget": parse_budget(budget) if isinstance(budget, str) else budget,
        "n_trials": n_trials,
        "workers": workers,
    }
    plan = definition.plan.model_copy(update={name: value for name, value in changed.items() if value is not None})
    _check_workers(plan.workers)
    definition = definition.model_copy(update={"plan": plan})
    Template.read(plan.command, definition.space).check_program()
    run = Run(folder)
    definition.write(folder)
    return _work(run, definition, plan.workers, listener)


def _work(run: Run, definition: Definition, workers: int, listener: Listener | None) -> CommandStudyResult:
    """Works on a study to its end. A signal interrupts the main thread alone, so the books are kept in another one."""
    study = CommandStudy(run, definition, workers, listener or _silent)
    try:
        with ThreadPoolExecutor(1) as keeper:
            try:
                working = keeper.submit(study.work)
                while wait([working], LOOK_SECONDS).not_done:
                    pass
                return working.result()
            except BaseException:
                study.cancel.set()
                raise
    finally:
        run.save_state()
        run.close()


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
