"""Where the rooms are joined: from data and a budget to a tested network, and back to it later."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mapsto import _environment, _files
from mapsto._imports import torch
from mapsto.data.prepare import prepare
from mapsto.data.read import read
from mapsto.data.table import Table
from mapsto.errors import RecipeError, RunError
from mapsto.recipe.budget import parse_budget
from mapsto.recipe.families import METRICS, SAMPLERS, TASKS
from mapsto.recipe.ranges import Log
from mapsto.recipe.schema import Recipe
from mapsto.recipe.space import Space
from mapsto.search.plan import Plan
from mapsto.search.progress import Listener, Progress
from mapsto.search.results import SCORECARD, conclude, read_results
from mapsto.search.run import REPORT, STUDY, Run, check_is_run, run_path
from mapsto.search.store import DataStore
from mapsto.search.study import Study
from mapsto.tasks._choice import choose

if TYPE_CHECKING:
    import pandas as pd

    from mapsto.data.prepare import Prepared
    from mapsto.evaluation.scorecard import Scorecard
    from mapsto.metrics.base import Direction
    from mapsto.training.fitted import Fitted

Language = Literal["en", "zh"]
RecipeLike = str | Path | Space | Mapping[str, Any]

DEFAULT_TRIALS = 20
"""Recipes explored when neither a time nor a number of trials is given."""

MAX_BASELINE_SECONDS = 30.0
TEST_SHARE, TEST_SECONDS, MAX_TEST_SHARE = 0.02, 3.0, 0.35
"""Kept for the test, what it imports, and the report: a share of the budget and some seconds, at most so much."""
BASELINE_SHARE = 0.06
"""Plain baselines take at most this share of a budget, and at most that many seconds."""


def tune(
    source: Any = None,
    *,
    target: str | None = None,
    task: str | None = None,
    recipe: RecipeLike | None = None,
    space: Mapping[str, Any] | None = None,
    settings: Sequence[str] = (),
    budget: str | float | None = None,
    n_trials: int | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    listener: Listener | None = None,
) -> Result:
    """Finds the best network for the data that the budget can find, and tests it once.

    Args:
        source: a file, a folder, a named set, a data frame, or arrays `(x, y)`; None where the recipe names it.
        target: the column to predict.
        task: what to predict, by name; None is found from the data.
        recipe: a YAML file, or a space in Python; `space`, `settings`, then the other arguments override it.
        space: values and ranges by dotted name, such as `{"optimizer.learning_rate": mp.log(1e-4, 1e-1)}`.
        settings: the same in the command line's notation, such as `["model.hidden_dim=int(32, 256)"]`.
        budget: wall-clock time as text (`"90s"`, `"10m"`, `"1h30m"`) or in seconds.
        n_trials: recipes to explore at most; 20 where neither this nor a budget is given.
        seed: of the splits, the sampler and all trainings.
        out: the run folder; None makes `runs/<name of the data>`.
        overwrite: replace a run that is in `out`.
        listener: called with a `Progress` a few times a second.

    Returns:
        The result, whose parts are read from the run folder.

    Raises:
        MapstoError: a setting, the data or the run folder needs mending; the message says how.

    Example:
        ```python
        result = mp.tune("churn.csv", target="churned", budget="10m")
        result.best.predict(frame)
        ```
    """
    given = _given(recipe, space, settings, source, target, task, budget, n_trials, seed)
    return _start(given, source, out, overwrite, listener or _silent, searching=True)


def train(
    source: Any = None,
    *,
    target: str | None = None,
    task: str | None = None,
    recipe: RecipeLike | None = None,
    space: Mapping[str, Any] | None = None,
    settings: Sequence[str] = (),
    budget: str | float | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    listener: Listener | None = None,
) -> Result:
    """Trains one recipe, without search, and tests it once. Arguments are those of `tune`.

    Raises:
        RecipeError: the recipe holds a range.
    """
    given = _given(recipe, space, settings, source, target, task, budget, None, seed)
    if given.ranges:
        name, range_ = next(iter(given.ranges.items()))
        raise RecipeError(
            f"`train` trains one recipe, and `{name}` is a range: {range_}. Give it a value, or search it with `tune`."
        )
    return _start(given, source, out, overwrite, listener or _silent, searching=False)


def resume(
    run: str | Path,
    *,
    budget: str | float | None = None,
    n_trials: int | None = None,
    listener: Listener | None = None,
) -> Result:
    """Goes on with a study that was interrupted; a finished one is returned as it is.

    Args:
        run: its folder.
        budget: a new budget for the whole study, if it shall be longer.
        n_trials: a new number of trials.
        listener: as in `tune`.
    """
    path = Path(run)
    check_is_run(path)
    if read_results(path) is not None:
        if not (path / REPORT).exists():  # killed between the last result and its report
            report(path)
        if budget is not None or n_trials is not None:
            raise RunError(
                f"{path} is finished: its winner has been tested, and the test part is used once. For a longer study "
                f"start another: `mapsto tune {path / STUDY} --budget ...`."
            )
        return Result(path)
    folder = Run.open(path)
    try:
        changed = _limits(budget, n_trials)
        if changed:
            given = Space.from_yaml(folder.state["given"], where=str(path / STUDY)).merged(Space.from_mapping(changed))
            folder.save_state(given=given.to_yaml(), explored=False)
        _go_on(folder, None, listener or _silent)
    finally:
        folder.close()
    return Result(path)


def open_run(run: str | Path) -> Result:
    """The result of a run, finished or not.

    Raises:
        RunError: it is not a run.
    """
    check_is_run(Path(run))
    return Result(Path(run))


def load(path: str | Path) -> Fitted:
    """The fitted model of a run, or of its `best` folder.

    Raises:
        RunError: there is none yet.
    """
    from mapsto.training.fitted import Fitted  # here, since a recipe can be shown without torch

    folder = Path(path)
    return Fitted.load(folder / "best" if (folder / STUDY).exists() else folder)


def predict(run: str | Path, source: Any, *, images: str | Path | None = None) -> pd.DataFrame:
    """Answers of a run's best model for raw inputs, one row each; see `Fitted.predict`."""
    return load(run).predict(source, images=images)


def evaluate(run: str | Path, source: Any = None, *, target: str | None = None) -> Scorecard:
    """Scores a run's best model.

    Args:
        run: its folder.
        source: rows with a target; None is the test part of the run's own data, as scored when it ended.
        target: the target's column in `source`; None is that of the training data.
    """
    from mapsto.evaluation.scorecard import Scorecard, score

    if source is None:
        check_is_run(Path(run))
        return Scorecard.from_json(_files.read_json(Path(run) / SCORECARD))
    fitted = load(run)
    table = fitted.read_with_target(source, target)
    predictions, targets = fitted.predictions(table), fitted.truth(table)
    task, names = fitted.recipe.task, fitted.preprocessing.specs["targets"].names or None
    return score(task.metrics, predictions, targets, names, "given", seed=fitted.recipe.seed)


def report(run: str | Path, *, language: Language = "en", out: str | Path | None = None) -> Path:
    """Writes a run's report as one HTML file and returns its path."""
    from mapsto.report import build  # here, since only this needs the templates

    check_is_run(Path(run))
    return build(Path(run), language=language, out=None if out is None else Path(out))


def init(source: Any, *, target: str | None = None, task: str | None = None, settings: Sequence[str] = ()) -> str:
    """A commented starting recipe for some data, as YAML text: the defaults, and the ranges worth searching.

    The data are read and prepared in a temporary folder to learn their size and kinds; nothing is trained.
    """
    from mapsto.recipe.describe import init_text

    given = _given(None, None, settings, source, target, task, None, None, None)
    completed, defaults = _advised(given, source)
    ranges = {name: range_ for name, range_ in completed.ranges.items() if name not in given.ranges}
    recipe = given.recipe(given.walk(lambda name, range_: range_.center(), defaults), defaults)
    return init_text(_filled(given, recipe), ranges)


def show(
    source: Any = None,
    *,
    recipe: RecipeLike | None = None,
    target: str | None = None,
    task: str | None = None,
    settings: Sequence[str] = (),
) -> str:
    """A recipe with every default filled in, as YAML text.

    Where data are given (or named in the recipe), defaults are those that suit them; else those of the classes.
    """
    given = _given(recipe, None, settings, source, target, task, None, None, None)
    source = source if source is not None else given.leaves.get("data.source")
    if source is not None:
        given, defaults = _advised(given, source)
    else:
        name = given.leaves.get("task.name", "image_classification")
        defaults = {"task.name": name, "model.name": TASKS.get(str(name)).models[0]}
    filled = given.recipe(given.walk(lambda name, range_: range_.center(), defaults), defaults)
    return _filled(given, filled).to_yaml()


def schema() -> dict[str, Any]:
    """The JSON Schema of recipes and spaces, for editors."""
    from mapsto.recipe.describe import json_schema

    return json_schema()


def datasets() -> list[dict[str, Any]]:
    """The named data sets: what they are, whether they are on this machine, and where they were looked for."""
    from mapsto.data.read import datasets as named

    return [
        {**entry._asdict(), "path": None if entry.path is None else str(entry.path), "looked": list(entry.looked)}
        for entry in named()
    ]


def check() -> list[dict[str, Any]]:
    """Looks at the machine: one row a check, with `name`, `ok`, `found` and `advice`."""
    return _environment.check()


class Result:
    """What a study found, read from its run folder.

    Args:
        run: the folder.
    """

    def __init__(self, run: Path) -> None:
        self.run = run

    @cached_property
    def best(self) -> Fitted:
        """The winner, ready to predict; while the study runs, the leader so far."""
        return load(self.run)

    @cached_property
    def scorecard(self) -> Scorecard:
        """The winner's metrics on the test part, with their intervals."""
        return evaluate(self.run)

    def summary(self) -> dict[str, Any]:
        """Everything that was found, as plain data.

        Raises:
            RunError: the study is not finished.
        """
        results = read_results(self.run)
        if results is None:
            raise RunError(f"{self.run} is not finished. Go on with it by `mapsto resume {self.run}`.")
        return results

    def leaderboard(self) -> pd.DataFrame:
        """The explored trials: score, state, length, and the values that were searched.

        The best stand first; those that were stopped early or failed, whose scores say less, come last.
        """
        import pandas as pd  # here, since most uses of a result need no frame

        from mapsto.search.outcome import Outcome, ranked

        found = [Outcome.read(folder) for folder in sorted((self.run / "trials").glob("*"))]
        explored = [outcome for outcome in found if outcome is not None and outcome.phase == "explore"]
        candidates = ranked(explored, self._direction())
        outcomes = [*candidates, *(outcome for outcome in explored if outcome not in candidates)]
        rows = [
            {"trial": o.number, "state": o.state, "score": o.score, "epochs": o.epochs, "seconds": o.seconds}
            | {"parameters": o.parameters, "cause": o.cause, **o.chosen}
            for o in outcomes
        ]
        return pd.DataFrame(rows, columns=None if rows else ["trial", "state", "score"])

    def _direction(self) -> Direction:
        leaves = Space.from_yaml((self.run / STUDY).read_text(encoding="utf-8"), where=str(self.run / STUDY)).leaves
        name = leaves.get("search.metric") or TASKS.get(str(leaves["task.name"])).metrics[0]
        direction: Direction = METRICS.get(str(name)).direction
        return direction

    def report(self, path: str | Path | None = None, language: Language = "en") -> Path:
        """Writes the report (by default `report.html` in the run folder) and returns its path."""
        return report(self.run, language=language, out=path)

    def _repr_html_(self) -> str:
        from mapsto.report import summary_html  # here, since only notebooks need it

        return summary_html(self.run)

    def __repr__(self) -> str:
        return f"Result({str(self.run)!r})"


# -- from arguments to a study ---------------------------------------------------------------------------------------


def _given(
    recipe: RecipeLike | None,
    space: Mapping[str, Any] | None,
    settings: Sequence[str],
    source: Any,
    target: str | None,
    task: str | None,
    budget: str | float | None,
    n_trials: int | None,
    seed: int | None,
) -> Space:
    """All that the user said, as one space; what was said later in the list of arguments wins."""
    match recipe:
        case None:
            base = Space.from_mapping({})
        case Space():
            base = recipe
        case Mapping():
            base = Space.from_mapping(recipe)
        case _:
            base = Space.from_yaml(_recipe_text(Path(recipe)), where=str(recipe))
    explicit: dict[str, Any] = {"data.target": target, "task.name": task, "seed": seed}
    if isinstance(source, str | Path):
        explicit["data.source"] = str(source)
    explicit = {name: value for name, value in explicit.items() if value is not None} | _limits(budget, n_trials)
    for further in (Space.from_mapping(space or {}), Space.from_settings(settings), Space.from_mapping(explicit)):
        base = base.merged(further)
    return base


def _recipe_text(path: Path) -> str:
    try:
        if path.stat().st_size > 2**20:
            raise RecipeError(f"{path} is larger than 1 MiB, which no recipe is. Give a YAML file.")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise RecipeError(f"There is no recipe {path}. `mapsto init DATA` writes one to start from.") from error
    except (UnicodeDecodeError, IsADirectoryError, PermissionError) as error:
        raise RecipeError(f"{path} cannot be read as a recipe ({error}). Give a YAML file in UTF-8.") from error


def _limits(budget: str | float | None, n_trials: int | None) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    if budget is not None:
        limits["search.budget"] = budget if isinstance(budget, str) else f"{budget:g}s"
    if n_trials is not None:
        limits["search.n_trials"] = n_trials
    return limits


def _start(
    given: Space, source: Any, out: str | Path | None, overwrite: bool, listener: Listener, *, searching: bool
) -> Result:
    """Reads the data, makes the run folder, and works to the end. Faults of the input leave no folder behind."""
    source = source if source is not None else given.leaves.get("data.source")
    if source is None:
        raise RecipeError(
            "No data were given. Name a file, a folder or a data set, or set `data.source` in the recipe."
        )
    started = time.perf_counter()
    listener(Progress(phase="prepare", message="reading the data"))
    table, defaults = _first_look(given, source)
    first = _first_recipe(given, defaults)
    _device(first)
    if searching and given.ranges:
        SAMPLERS.get(first.search.sampler)().size(
            given.ranges
        )  # refuses what cannot be listed, before anything is made
    run = Run.create(Path(out) if out is not None else run_path(table.name, overwrite), overwrite=overwrite)
    try:
        run.add_elapsed(time.perf_counter() - started)
        run.save_state(given=given.to_yaml(), searching=searching)
        _files.write_text(run.path / STUDY, _filled(given, first).to_yaml())
        _go_on(run, table, listener)
    finally:
        run.close()
    return Result(run.path)


def _go_on(run: Run, table: Table | None, listener: Listener) -> None:
    """Works on a run from wherever it stands to its end.

    Args:
        run: its state holds what the user gave, and once the data are prepared, what was made of it.
        table: the data where they have just been read; None reads them again if they are needed.
        listener: told where the study stands.
    """
    given = Space.from_yaml(run.state["given"], where=str(run.path / STUDY))

    def read_table() -> Table:
        return table if table is not None else _read_again(given, run.path)

    defaults = run.state.get("defaults") or _task_defaults(given, read_table())
    first = _first_recipe(given, defaults)
    store = DataStore(run, read_table, _device(first))
    if "advised" not in run.state:
        prepared, _ = store.get(first)
        advised, defaults = _completed(given, defaults, prepared, searching=run.state["searching"])
        run.save_state(advised=advised.to_yaml(), defaults=defaults)
    space = Space.from_yaml(run.state["advised"], where=str(run.path / STUDY)).merged(given)
    _work(run, space, defaults, store, listener)


def _first_look(given: Space, source: Any) -> tuple[Table, dict[str, Any]]:
    """Reads the source and finds the task; the defaults so far name the task and its first model."""
    table = read(source, options=_data_options(given))
    return table, _task_defaults(given, table)


def _task_defaults(given: Space, table: Table) -> dict[str, Any]:
    """The task and its first model, by dotted name: all that is known before the data are prepared."""
    name = given.leaves.get("task.name") or choose(table)
    return {"task.name": name, "model.name": TASKS.get(name).models[0]}


def _read_again(given: Space, run: Path) -> Table:
    """The source of a run that is continued; needed only if a data setting was not prepared before the interruption."""
    options = _data_options(given)
    if options.source is None:
        raise RunError(
            f"{run} was made from data in memory, and not all were prepared before it was interrupted. Start it "
            f"again with the same data and `overwrite=True`."
        )
    return read(options.source, options=options)


def _device(recipe: Recipe) -> str:
    wanted = recipe.training.device
    if wanted == "cuda" and not torch.cuda.is_available():
        raise RecipeError("`training.device` is cuda, and torch finds no CUDA device here. Take `cpu` or `auto`.")
    return ("cuda" if torch.cuda.is_available() else "cpu") if wanted == "auto" else wanted


def _data_options(given: Space) -> Any:
    """The `data` section with plain values only: what is needed to read, before the task is known."""
    from mapsto.recipe.schema import DataOptions

    own = {
        n.removeprefix("data."): v for n, v in given.leaves.items() if n.startswith("data.") and n not in given.ranges
    }
    return DataOptions(**own)


def _first_recipe(given: Space, defaults: Mapping[str, Any]) -> Recipe:
    """A recipe that is enough to prepare the data: ranges at their middle."""
    return given.recipe(given.walk(lambda name, range_: range_.center(), defaults), defaults)


def _advised(given: Space, source: Any) -> tuple[Space, dict[str, Any]]:
    """The space and the defaults that suit a source, without a run."""
    with tempfile.TemporaryDirectory(prefix="mapsto-") as folder:
        table, defaults = _first_look(given, source)
        first = _first_recipe(given, defaults)
        prepared = prepare(table, task=first.task, recipe_data=first.data, seed=first.seed, folder=Path(folder))
        return _completed(given, defaults, prepared, searching=True)


def _completed(
    given: Space, defaults: dict[str, Any], prepared: Prepared, *, searching: bool
) -> tuple[Space, dict[str, Any]]:
    """Adds what the task advises for these data: values for open leaves, and ranges if the user gave none."""
    task = _first_recipe(given, defaults).task
    advice = task.defaults(prepared.facts)
    # What is good for one model or optimizer says nothing about another that the user chose.
    other = tuple(
        f"{section}."
        for section in ("model", "optimizer", "schedule")
        if isinstance(given.leaves.get(f"{section}.name"), str)
        and given.leaves[f"{section}.name"] != advice.get(f"{section}.name")
    )
    defaults = {name: value for name, value in advice.items() if not name.startswith(other)} | {"task.name": task.name}
    if searching and not given.ranges:
        there = given.recipe({}, defaults).leaves()
        advised = {
            name: range_
            for name, range_ in task.space(prepared.facts).items()
            if name in there and not name.startswith(other)
        }
        if "optimizer." in other:  # the rate is worth searching whatever the optimizer: a decade to either side
            rate = there["optimizer.learning_rate"]
            advised["optimizer.learning_rate"] = Log(rate / 10, rate * 10)
        given = Space.from_mapping(advised).merged(given)
    return given, defaults


def _filled(given: Space, recipe: Recipe) -> Space:
    """The space with every default written out: what `study.yaml` holds, and what repeats the study.

    Where a family's member is searched, the settings of the default member are left out: they are not the others'.
    """
    searched = tuple(name.removesuffix("name") for name in given.ranges if name.endswith(".name"))
    leaves = {name: value for name, value in recipe.leaves().items() if not searched or not name.startswith(searched)}
    return Space.from_mapping({**leaves, **given.leaves})


def _work(run: Run, given: Space, defaults: Mapping[str, Any], store: DataStore, listener: Listener) -> None:
    """Runs a study to its end: explore, confirm, train the winner, test it, report."""
    search = given.recipe(given.walk(lambda name, range_: range_.center(), defaults), defaults).search
    seconds = None if search.budget is None else parse_budget(search.budget)
    baseline_seconds = MAX_BASELINE_SECONDS if seconds is None else min(MAX_BASELINE_SECONDS, BASELINE_SHARE * seconds)
    plan = Plan(
        seconds=seconds,
        n_trials=DEFAULT_TRIALS if seconds is None and search.n_trials is None else search.n_trials,
        finalists=search.finalists,
        num_seeds=search.num_seeds,
        test_seconds=0.0 if seconds is None else _test_seconds(seconds, baseline_seconds),
    )
    study = Study(run, given, defaults, store, plan, listener)
    environment = _environment.describe()
    _files.write_json(run.path / "environment.json", environment)
    _files.write_text(run.path / STUDY, _filled(given, study.default_recipe).to_yaml())
    study.explore()
    study.confirm()
    trainer = study.final()
    study.tell("test")
    conclude(study, trainer, baseline_seconds=baseline_seconds, environment=environment)
    trainer.close()
    report(run.path)


def _test_seconds(seconds: float, baseline_seconds: float) -> float:
    return min(MAX_TEST_SHARE * seconds, baseline_seconds + TEST_SHARE * seconds + TEST_SECONDS)


def _silent(progress: Progress) -> None:
    """A listener that does nothing."""
    del progress
