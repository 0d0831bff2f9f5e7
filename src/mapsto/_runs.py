"""A run from its first look at the data to its report: begun, continued, and ended."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mapsto import _environment, _files
from mapsto._given import NO_DATA, completed, data_options, device_of, filled, first_look, first_recipe, task_defaults
from mapsto.data.audit._door import audit
from mapsto.data.read import read
from mapsto.data.table import Table
from mapsto.errors import RecipeError, RunError
from mapsto.recipe.budget import parse_budget
from mapsto.recipe.schema import Recipe
from mapsto.recipe.space import Space
from mapsto.search.continuing import edited_space, state_of, take_over
from mapsto.search.crew import num_workers
from mapsto.search.memory import first_trials
from mapsto.search.pace import pace
from mapsto.search.plan import Plan
from mapsto.search.progress import Listener, Progress
from mapsto.search.results import conclude
from mapsto.search.run import AUDIT, STUDY, Run, run_path
from mapsto.search.samplers._named import named
from mapsto.search.store import DataStore
from mapsto.search.study import Study
from mapsto.search.suggestions import Suggestion

DEFAULT_TRIALS = 20
"""Recipes explored when neither a time nor a number of trials is given."""

MAX_AUDIT_SECONDS, AUDIT_SHARE = 10.0, 0.03
"""An audit takes at most that many seconds, and at most this share of a budget."""

MOST_SUGGESTED = 5
"""Recipes from elsewhere that are tried first, at most, and no more than a quarter of all trials."""

MAX_BASELINE_SECONDS = 30.0
TEST_SHARE, TEST_SECONDS, MAX_TEST_SHARE = 0.02, 3.0, 0.35
"""Kept for the test, what it imports, and the report: a share of the budget and some seconds, at most so much."""
BASELINE_SHARE = 0.06
"""Plain baselines take at most this share of a budget, and at most that many seconds."""


def start(
    given: Space,
    source: Any,
    out: str | Path | None,
    overwrite: bool,
    listener: Listener,
    *,
    searching: bool,
    old: Path | None = None,
) -> Path:
    """Reads the data, makes the run folder, works to the end, returns the folder; faults of the input leave none.

    Args:
        given: what the user gave.
        source: the data; None where the recipe, or the run that is continued, names them.
        out: the run folder, or None.
        overwrite: whether a run there is replaced.
        listener: told where the study stands.
        searching: whether ranges are proposed where the user gave none.
        old: a run whose trials are taken over.
    """
    if old is not None:
        given = edited_space(state_of(old), given)
    source = source if source is not None else given.leaves.get("data.source")
    if source is None:
        raise RecipeError(NO_DATA)
    started = time.perf_counter()
    listener(Progress(phase="prepare", message="reading the data"))
    table, defaults = first_look(given, source)
    first = first_recipe(given, defaults)
    device_of(first)
    if not first.data.test_share and (table.given_parts is None or "test" not in table.given_parts):
        raise RecipeError(
            "`data.test_share` is 0, so no row is left to test the winner on, and nothing would be known of it. Set it "
            "above 0."
        )
    if searching and given.ranges:
        named(first.search.sampler).size(given.ranges)  # refuses what cannot be listed
    run = Run.create(Path(out) if out is not None else run_path(table.name, overwrite), overwrite=overwrite)
    try:
        run.add_elapsed(time.perf_counter() - started)
        if old is not None:
            given = take_over(run, old, given)
        run.save_state(given=given.to_yaml(), searching=searching, fingerprint=table.fingerprint)
        _files.write_text(run.path / STUDY, filled(given, first).to_yaml())
        go_on(run, table, listener)
    except BaseException as error:  # a fault of mapsto too, or Ctrl-C: the run that this one replaces must not be lost
        run.withdraw(error)
        raise
    finally:
        run.close()
    return run.path


def go_on(run: Run, table: Table | None, listener: Listener) -> None:
    """Works on a run from wherever it stands to its end.

    Args:
        run: its state holds what the user gave, and once the data are prepared, what was made of it.
        table: the data where they have just been read; None reads them again if they are needed.
        listener: told where the study stands.
    """
    given = Space.from_yaml(run.state["given"], where=str(run.path / STUDY))

    def read_table() -> Table:
        return table if table is not None else _read_again(given, run.path)

    defaults = run.state.get("defaults") or task_defaults(given, read_table())
    first = first_recipe(given, defaults)
    store = DataStore(run, read_table, device_of(first), listener)
    if "advised" not in run.state:
        prepared, tensors = store.get(first)
        _audit(run, read_table(), first, listener)
        advised, defaults = completed(given, defaults, prepared, searching=run.state["searching"])
        if run.state["searching"] and first.search.budget is not None:
            listener(Progress(phase="prepare", message="measuring an epoch"))
            slower = pace(advised.merged(given), defaults, prepared, tensors, parse_budget(first.search.budget))
            if slower is not None:
                defaults["training.max_epochs"] = slower.epochs
                run.save_state(pace=vars(slower))
        run.save_state(advised=advised.to_yaml(), defaults=defaults)
    space = Space.from_yaml(run.state["advised"], where=str(run.path / STUDY)).merged(given)
    _work(run, space, defaults, store, listener)


def _read_again(given: Space, run: Path) -> Table:
    """The source of a run that is continued; needed only if a data setting was not prepared before the interruption."""
    options = data_options(given)
    if options.source is None:
        raise RunError(
            f"{run} was made from data in memory, and not all were prepared before it was interrupted. Start it "
            f"again with the same data and `overwrite=True`."
        )
    return read(options.source, options=options)


def _audit(run: Run, table: Table, recipe: Recipe, listener: Listener) -> None:
    """Looks for what is wrong with the data of a run, and writes it down for the report."""
    listener(Progress(phase="prepare", message="auditing the data"))
    budget = recipe.search.budget
    seconds = MAX_AUDIT_SECONDS if budget is None else min(MAX_AUDIT_SECONDS, AUDIT_SHARE * parse_budget(budget))
    _files.write_json(run.path / AUDIT, [finding.to_json() for finding in audit(table, seconds=seconds)])


def _work(run: Run, given: Space, defaults: Mapping[str, Any], store: DataStore, listener: Listener) -> None:
    """Runs a study to its end: explore, confirm, train the winner, test it, report."""
    first = first_recipe(given, defaults)
    search, num_folds = first.search, first.data.num_folds
    seconds = None if search.budget is None else parse_budget(search.budget)
    baseline_seconds = MAX_BASELINE_SECONDS if seconds is None else min(MAX_BASELINE_SECONDS, BASELINE_SHARE * seconds)
    plan = Plan(
        seconds=seconds,
        n_trials=DEFAULT_TRIALS if seconds is None and search.n_trials is None else search.n_trials,
        finalists=search.finalists,
        num_seeds=max(search.num_seeds, num_folds),
        max_seeds=max(search.num_seeds, search.max_seeds, num_folds),
        workers=num_workers(search, store.device),
        ablation=search.ablation,
        test_seconds=0.0 if seconds is None else _test_seconds(seconds, baseline_seconds),
    )
    study = Study(run, given, defaults, store, plan, listener, first=_first(run, given, defaults, store, first))
    run.accept()
    environment = _environment.describe()
    _files.write_json(run.path / "environment.json", environment)
    _files.write_text(run.path / STUDY, filled(given, study.default_recipe).to_yaml())
    try:
        study.explore()
        study.confirm()
        study.ablate()
        trainer = study.final()
    finally:
        study.close()
    study.tell("test")
    conclude(study, trainer, baseline_seconds=baseline_seconds, environment=environment)
    trainer.close()
    from mapsto.report import build  # here, since only the end of a study needs the templates

    build(run.path)


def _first(
    run: Run, given: Space, defaults: Mapping[str, Any], store: DataStore, recipe: Recipe
) -> list[Mapping[str, Any]]:
    """Recipes to try right after the default one, from past studies and the portfolio; looked for once."""
    search = recipe.search
    if not given.ranges or not (search.learn_from or search.portfolio):
        return []
    if "suggested" not in run.state:
        limit = MOST_SUGGESTED if search.n_trials is None else max(1, min(MOST_SUGGESTED, search.n_trials // 4))
        facts, objective = store.get(recipe)[0].facts, search.metric or recipe.task.metrics[0]
        found = first_trials(search, facts, given, defaults, objective, limit)
        run.save_state(suggested=[suggestion.to_json() for suggestion in found])
    return [Suggestion.from_json(saved).chosen for saved in run.state["suggested"]]


def _test_seconds(seconds: float, baseline_seconds: float) -> float:
    return min(MAX_TEST_SHARE * seconds, baseline_seconds + TEST_SHARE * seconds + TEST_SECONDS)


def silent(progress: Progress) -> None:
    """A listener that does nothing."""
    del progress
