"""Where the rooms are joined: from data and a budget to a tested network, and back to it later."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto import _environment, _files
from mapsto._given import (
    RecipeLike,
    advised_for,
    completed,
    data_options,
    filled,
    first_look,
    first_recipe,
    given_as_space,
    limits,
    refuse_ranges,
)
from mapsto._runs import device_of, go_on, silent, start
from mapsto.data.audit._door import audit as audit_table
from mapsto.data.prepare import prepare
from mapsto.data.read import read
from mapsto.errors import RunError
from mapsto.recipe.families import AUGMENTATIONS, TASKS
from mapsto.recipe.space import Space
from mapsto.result import Language, Result
from mapsto.search.progress import Listener
from mapsto.search.results import read_results
from mapsto.search.run import REPORT, STATE, STUDY, Run, check_is_run

if TYPE_CHECKING:
    import pandas as pd

    from mapsto.data.audit.base import Finding
    from mapsto.evaluation.scorecard import Scorecard
    from mapsto.training.finders.find import Found
    from mapsto.training.fitted import Fitted

logger = logging.getLogger("mapsto")


MAX_VERB_SECONDS = 60.0
"""An audit that was asked for takes at most that long."""


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
    given = given_as_space(
        recipe,
        space=space,
        settings=settings,
        source=source,
        target=target,
        task=task,
        budget=budget,
        n_trials=n_trials,
        seed=seed,
    )
    return Result(start(given, source, out, overwrite, listener or silent, searching=True))


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
    given = given_as_space(
        recipe, space=space, settings=settings, source=source, target=target, task=task, budget=budget, seed=seed
    )
    refuse_ranges(given, "train")
    return Result(start(given, source, out, overwrite, listener or silent, searching=False))


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
        changed = limits(budget, n_trials)
        if changed:
            given = Space.from_yaml(folder.state["given"], where=str(path / STUDY)).merged(Space.from_mapping(changed))
            folder.save_state(given=given.to_yaml(), explored=False)
        go_on(folder, None, listener or silent)
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
    from mapsto.evaluation.scorecard import score

    if source is None:
        return open_run(run).scorecard
    fitted = load(run)
    table = fitted.read_with_target(source, target)
    state = Path(run) / STATE
    if state.exists() and _files.read_json(state).get("fingerprint") == table.fingerprint:
        logger.warning(
            "%s is what the network was trained on, so this score says little of new data; `mapsto evaluate %s` gives "
            "the score on the rows that were kept apart.",
            table.name,
            run,
        )
    predictions, targets = fitted.predictions(table), fitted.truth(table)
    task, names = fitted.recipe.task, fitted.preprocessing.specs["targets"].names or None
    return score(task.metrics, predictions, targets, names, "given", seed=fitted.recipe.seed)


def report(run: str | Path, *, language: Language = "en", out: str | Path | None = None) -> Path:
    """Writes a run's report as one HTML file and returns its path."""
    return open_run(run).report(out, language)


def init(source: Any, *, target: str | None = None, task: str | None = None, settings: Sequence[str] = ()) -> str:
    """A commented starting recipe for some data, as YAML text: the defaults, and the ranges worth searching.

    The data are read and prepared in a temporary folder to learn their size and kinds; nothing is trained.
    """
    from mapsto.recipe.describe import init_text

    given = given_as_space(settings=settings, source=source, target=target, task=task)
    completed, defaults = advised_for(given, source)
    ranges = {name: range_ for name, range_ in completed.ranges.items() if name not in given.ranges}
    return init_text(filled(given, first_recipe(given, defaults)), ranges)


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
    given = given_as_space(recipe, settings=settings, source=source, target=target, task=task)
    source = source if source is not None else given.leaves.get("data.source")
    if source is not None:
        given, defaults = advised_for(given, source)
    else:
        name = given.leaves.get("task.name", "image_classification")
        defaults = {"task.name": name, "model.name": TASKS.get(str(name)).models[0]}
    return filled(given, first_recipe(given, defaults)).to_yaml()


def find(
    source: Any = None,
    *,
    target: str | None = None,
    task: str | None = None,
    recipe: RecipeLike | None = None,
    settings: Sequence[str] = (),
    only: Sequence[str] | None = None,
    seed: int | None = None,
    on_progress: Callable[[str], None] = lambda line: None,
) -> Found:
    """Finds the batch size, the learning rate and the number of epochs for a recipe, in this order, by short runs.

    Nothing is kept but the answer. Write its `settings` into your recipe (`found.recipe.to_yaml()` is that recipe).

    Args:
        source: as in `tune`.
        target: the column to predict.
        task: what to predict, by name; None is found from the data.
        recipe: a YAML file, or a space in Python without ranges.
        settings: in the command line's notation, such as `["model.name=resnet"]`.
        only: finders, of `batch_size`, `learning_rate`, `max_epochs`; None asks all three.
        seed: of all trainings.
        on_progress: told in words what is being done.

    Raises:
        MapstoError: a setting or the data need mending.

    Example:
        ```python
        found = mp.find("digits", only=["learning_rate"])
        result = mp.tune("digits", space=found.settings)
        ```
    """
    from mapsto.training.batches import Tensors
    from mapsto.training.finders.find import ORDER
    from mapsto.training.finders.find import find as find_for

    given = given_as_space(recipe, settings=settings, source=source, target=target, task=task, seed=seed)
    refuse_ranges(given, "find")
    source = source if source is not None else given.leaves.get("data.source")
    with tempfile.TemporaryDirectory(prefix="mapsto-") as folder:
        on_progress("reading the data")
        table, defaults = first_look(given, source)
        first = first_recipe(given, defaults)
        prepared = prepare(table, task=first.task, recipe_data=first.data, seed=first.seed, folder=Path(folder))
        given, defaults = completed(given, defaults, prepared, searching=False)
        whole = first_recipe(given, defaults)
        tensors = Tensors(prepared, device_of(whole))
        return find_for(whole, prepared, tensors, only=ORDER if only is None else only, on_progress=on_progress)


def audit(
    source: Any,
    *,
    target: str | None = None,
    settings: Sequence[str] = (),
    seconds: float | None = None,
    only: Sequence[str] | None = None,
) -> list[Finding]:
    """Looks for what is wrong with data: what is missing, far out, there twice, misspelled, mislabeled, or gives the
    answer away. Nothing is changed and nothing is trained.

    Args:
        source: as in `tune`.
        target: the column to predict, where it is not beyond doubt.
        settings: in the command line's notation, such as `["data.columns.zip=category"]`.
        seconds: for all checks together, 60 by default; what there was no time for is said in a finding.
        only: names of checks, such as `["leaks", "duplicates"]`; None runs all.

    Returns:
        What was found, warnings first; each has `check`, `column`, `count`, `rows`, `message`, `action` and `safe`,
        which says whether `data.clean: auto` mends it.

    Raises:
        MapstoError: the data cannot be read, or there is no such check.

    Example:
        ```python
        for finding in mp.audit("churn.csv", target="churned"):
            print(finding.message, finding.action)
        ```
    """
    given = given_as_space(settings=settings, source=source, target=target)
    table = read(source, options=data_options(given))
    limit = MAX_VERB_SECONDS if seconds is None else seconds
    return audit_table(table, seconds=limit, only=None if only is None else tuple(only))


def show_model(
    source: Any = None,
    *,
    recipe: RecipeLike | None = None,
    target: str | None = None,
    task: str | None = None,
    settings: Sequence[str] = (),
) -> dict[str, Any]:
    """The network of a recipe before it is trained, in numbers.

    Args:
        source: as in `tune`; the size of the network depends on the data.
        recipe: a YAML file, or a space in Python without ranges.
        target: the column to predict.
        task: what to predict, by name; None is found from the data.
        settings: in the command line's notation, such as `["model.name=resnet"]`.

    Returns:
        `layers` (each with `name`, `kind`, `shape`, `parameters`, `macs`), `parameters`, `macs` (multiply-adds for a
        row), `receptive_field` (pixels, or None), `batch_size`, and `memory`: bytes that a step holds at that size.

    Raises:
        MapstoError: a setting or the data need mending.
    """
    from mapsto.training.cost import cost

    given = given_as_space(recipe, settings=settings, source=source, target=target, task=task)
    refuse_ranges(given, "show --model")
    with tempfile.TemporaryDirectory(prefix="mapsto-") as folder:
        table, defaults = first_look(given, source)
        first = first_recipe(given, defaults)
        prepared = prepare(table, task=first.task, recipe_data=first.data, seed=first.seed, folder=Path(folder))
        given, defaults = completed(given, defaults, prepared, searching=False)
        return cost(first_recipe(given, defaults), prepared).as_dict()


def show_schedule(
    source: Any = None,
    *,
    recipe: RecipeLike | None = None,
    target: str | None = None,
    task: str | None = None,
    settings: Sequence[str] = (),
) -> dict[str, Any]:
    """The learning rate at each step of a whole training; arguments are those of `show_model`.

    Returns:
        `learning_rates` (one a step), `steps_per_epoch`, `epochs`, and `schedule` and `optimizer`, their names. A
        schedule that looks at the validation losses is shown as if they kept falling.

    Raises:
        MapstoError: a setting or the data need mending.
    """
    from mapsto.training.balance import Balance
    from mapsto.training.batches import Tensors
    from mapsto.training.loop import steps_per_epoch

    given = given_as_space(recipe, settings=settings, source=source, target=target, task=task)
    refuse_ranges(given, "show --schedule")
    with tempfile.TemporaryDirectory(prefix="mapsto-") as folder:
        table, defaults = first_look(given, source)
        first = first_recipe(given, defaults)
        prepared = prepare(table, task=first.task, recipe_data=first.data, seed=first.seed, folder=Path(folder))
        given, defaults = completed(given, defaults, prepared, searching=False)
        whole = first_recipe(given, defaults)
        rows = Balance(whole.training.balance, prepared, Tensors(prepared, "cpu")).rows.num_rows
    steps, epochs = steps_per_epoch(rows, whole.training.batch_size), whole.training.max_epochs
    rate = whole.optimizer.learning_rate
    return {
        "optimizer": whole.optimizer.name,
        "schedule": whole.schedule.name,
        "epochs": epochs,
        "steps_per_epoch": steps,
        "learning_rates": [rate * whole.schedule.factor(step, epochs * steps) for step in range(epochs * steps)],
    }


def show_augmented(
    source: Any = None,
    *,
    out: str | Path,
    target: str | None = None,
    task: str | None = None,
    recipe: RecipeLike | None = None,
    settings: Sequence[str] = (),
    seed: int | None = None,
) -> Path:
    """Draws training images, or spectrograms, beside augmented versions of them, as one PNG.

    Where no augmentation is on, those of `augment: auto` are shown. Of a range, the strongest end is shown.

    Args:
        source: as in `tune`.
        out: the PNG's path.
        target: the column to predict.
        task: what to predict, by name; None is found from the data.
        recipe: a YAML file, or a space in Python.
        settings: in the command line's notation, such as `["augment.rotate=20"]`.
        seed: of the versions that are drawn.

    Returns:
        The path.

    Raises:
        MapstoError: a setting or the data need mending, or the data are neither images nor recordings.
    """
    from PIL import Image

    from mapsto.training.contact_sheet import contact_sheet

    given = given_as_space(recipe, settings=settings, source=source, target=target, task=task, seed=seed)
    augmented = {name: v for name, v in given.leaves.items() if name.removeprefix("augment.") in AUGMENTATIONS.names()}
    if not augmented:
        given = given.merged(Space.from_mapping({"augment": "auto"}))
    strongest = {name: max(_ends(v)) for name, v in augmented.items() if name in given.ranges}
    with tempfile.TemporaryDirectory(prefix="mapsto-") as folder:
        table, defaults = first_look(given, source)
        first = first_recipe(given, defaults)
        prepared = prepare(table, task=first.task, recipe_data=first.data, seed=first.seed, folder=Path(folder))
        given, defaults = completed(given.merged(Space.from_mapping(strongest)), defaults, prepared, searching=False)
        sheet = contact_sheet(first_recipe(given, defaults), prepared, seed=first.seed)
    with _files.writing(Path(out)) as temporary:
        Image.fromarray(sheet).save(temporary, format="PNG")
    return Path(out)


def _ends(range_: Any) -> tuple[Any, ...]:
    return tuple(range_.options) if hasattr(range_, "options") else (range_.low, range_.high)


def schema() -> dict[str, Any]:
    """The JSON Schema of recipes and spaces, for editors."""
    from mapsto.recipe.describe import json_schema

    return json_schema()


def download(name: str, *, root: str | Path | None = None) -> Path:
    """Fetches a named data set from where its authors offer it, checks it, and returns the folder that it is in.

    Nothing else in mapsto uses the network.

    Args:
        name: of the set, such as `"fashion-mnist"`.
        root: the folder of named sets; None is that of the environment variable MAPSTO_DATA, or ~/.cache/mapsto/data.

    Raises:
        DataError: it cannot be downloaded, or what came is not what it should be; nothing is left behind.
    """
    from mapsto.data.sources.named import download as fetched

    return fetched(name, None if root is None else str(root))


def datasets(root: str | Path | None = None) -> list[dict[str, Any]]:
    """The named data sets: what they are, whether they are on this machine, and where they were looked for.

    Args:
        root: a folder to look in first.
    """
    from mapsto.data.read import datasets as named

    return [
        {**entry._asdict(), "path": None if entry.path is None else str(entry.path), "looked": list(entry.looked)}
        for entry in named(None if root is None else str(root))
    ]


def check() -> list[dict[str, Any]]:
    """Looks at the machine: one row a check, with `name`, `ok`, `found` and `advice`."""
    return _environment.check()
