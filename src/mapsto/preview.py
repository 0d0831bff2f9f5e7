"""What can be known before a run: recipes, networks, schedules, faults of the data, settings that are measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto import _environment, _files
from mapsto._given import (
    RecipeLike,
    advised_for,
    data_options,
    device_of,
    filled,
    first_recipe,
    given_as_space,
    made_ready,
    refuse_ranges,
)
from mapsto._own_network import data_and_network, refuse_keras
from mapsto.data.audit._door import audit as audit_table
from mapsto.data.read import read
from mapsto.recipe.families import AUGMENTATIONS, TASKS
from mapsto.recipe.space import Space

if TYPE_CHECKING:
    from mapsto.data.audit.base import Finding
    from mapsto.training.finders.find import Found

MAX_AUDIT_SECONDS = 60.0
"""An audit that was asked for takes at most that long."""


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
    data: Any = None,
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
        source, data: as in `tune`.
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

    source, network = data_and_network(source, data)
    given = given_as_space(
        recipe, network=network, settings=settings, source=source, target=target, task=task, seed=seed
    )
    refuse_ranges(given, "find")
    on_progress("reading the data")
    with made_ready(given, source) as (space, defaults, prepared):
        whole = first_recipe(space, defaults)
        refuse_keras(whole, "find")
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
    limit = MAX_AUDIT_SECONDS if seconds is None else seconds
    return audit_table(table, seconds=limit, only=None if only is None else tuple(only))


def show_model(
    source: Any = None,
    *,
    data: Any = None,
    recipe: RecipeLike | None = None,
    target: str | None = None,
    task: str | None = None,
    settings: Sequence[str] = (),
) -> dict[str, Any]:
    """The network of a recipe before it is trained, in numbers.

    Args:
        source, data: as in `tune`; the size of the network depends on the data.
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

    source, network = data_and_network(source, data)
    given = given_as_space(recipe, network=network, settings=settings, source=source, target=target, task=task)
    refuse_ranges(given, "show --model")
    with made_ready(given, source) as (space, defaults, prepared):
        whole = first_recipe(space, defaults)
        refuse_keras(whole, "show --model")
        return cost(whole, prepared).as_dict()


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
    from mapsto.training.epochs import steps_per_epoch

    given = given_as_space(recipe, settings=settings, source=source, target=target, task=task)
    refuse_ranges(given, "show --schedule")
    with made_ready(given, source) as (space, defaults, prepared):
        whole = first_recipe(space, defaults)
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
    with made_ready(given.merged(Space.from_mapping(strongest)), source) as (space, defaults, prepared):
        whole = first_recipe(space, defaults)
        sheet = contact_sheet(whole, prepared, seed=whole.seed)
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
