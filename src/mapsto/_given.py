"""From what a user gave to a space: arguments, a recipe, the data, and what the task advises for them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto._imports import torch
from mapsto._own_network import look_at, settings_of
from mapsto.data.prepare import prepare
from mapsto.data.read import read
from mapsto.data.table import Table
from mapsto.errors import RecipeError
from mapsto.recipe.families import AUGMENTATIONS, TASKS
from mapsto.recipe.family import OWN
from mapsto.recipe.ranges import Log
from mapsto.recipe.schema import DataOptions, Recipe
from mapsto.recipe.space import Space
from mapsto.tasks._choice import choose

if TYPE_CHECKING:
    from mapsto.data.prepare import Prepared
    from mapsto.models._handed import Network

NO_DATA = "No data were given. Name a file, a folder or a data set, or set `data.source` in the recipe."

RecipeLike = str | Path | Space | Mapping[str, Any]


def given_as_space(
    recipe: RecipeLike | None = None,
    *,
    space: Mapping[str, Any] | None = None,
    settings: Sequence[str] = (),
    source: Any = None,
    target: str | None = None,
    task: str | None = None,
    budget: str | float | None = None,
    n_trials: int | None = None,
    seed: int | None = None,
    crew: Mapping[str, Any] | None = None,
    network: Network | None = None,
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
            base = Space.from_file(Path(recipe))
    explicit: dict[str, Any] = {"data.target": target, "task.name": task, "seed": seed}
    if network is not None:
        explicit |= settings_of(network)
    if isinstance(source, str | Path):
        explicit["data.source"] = str(source)
    explicit |= crew or {}
    explicit = {name: value for name, value in explicit.items() if value is not None} | limits(budget, n_trials)
    for further in (Space.from_mapping(space or {}), Space.from_settings(settings), Space.from_mapping(explicit)):
        base = base.merged(further)
    return base


def crew_settings(
    workers: int | str | None, executor: str | None, address: str | None, storage: str | None
) -> dict[str, Any]:
    """Where trials are trained and kept, by dotted name; None where nothing was said.

    Raises:
        RecipeError: `workers` is neither a number nor auto.
    """
    if isinstance(workers, str) and workers != "auto":
        if not workers.isdecimal():
            raise RecipeError(f"`--workers` takes a number or auto. Received: {workers}.")
        workers = int(workers)
    names = {"workers": workers, "executor": executor, "address": address, "storage": storage}
    return {f"search.{name}": value for name, value in names.items()}


def limits(budget: str | float | None, n_trials: int | None) -> dict[str, Any]:
    """How long to search, by dotted name; a number is a budget in seconds."""
    found: dict[str, Any] = {}
    if budget is not None:
        found["search.budget"] = budget if isinstance(budget, str) else f"{budget:.6f}".rstrip("0").rstrip(".") + "s"
    if n_trials is not None:
        found["search.n_trials"] = n_trials
    return found


def refuse_ranges(given: Space, verb: str) -> None:
    """Refuses a space where one recipe is needed.

    Raises:
        RecipeError: a setting is a range.
    """
    for name, range_ in given.ranges.items():
        raise RecipeError(
            f"`{verb}` takes one recipe, and `{name}` is a range: {range_}. Give it a value, or search it with `tune`."
        )


def data_options(given: Space) -> DataOptions:
    """The `data` section with plain values only: what is needed to read, before the task is known."""
    own = {
        n.removeprefix("data."): v for n, v in given.leaves.items() if n.startswith("data.") and n not in given.ranges
    }
    return DataOptions(**own)


def first_look(given: Space, source: Any) -> tuple[Table, dict[str, Any]]:
    """Reads the source and finds the task; the defaults so far name the task and its first model."""
    table = read(source, options=data_options(given))
    return table, task_defaults(given, table)


def task_defaults(given: Space, table: Table) -> dict[str, Any]:
    """The task, its first model and how it wants data, by dotted name: what is known before the data are prepared."""
    name = given.leaves.get("task.name") or choose(table)
    task = TASKS.get(name)
    return {"task.name": name, "model.name": task.models[0], **task.data_defaults}


def first_recipe(given: Space, defaults: Mapping[str, Any]) -> Recipe:
    """A recipe that is enough to prepare the data: ranges at their middle."""
    return given.recipe(given.walk(lambda name, range_: range_.center(), defaults), defaults)


@contextmanager
def made_ready(
    given: Space, source: Any, *, searching: bool = False
) -> Iterator[tuple[Space, dict[str, Any], Prepared]]:
    """A source prepared without a run: the space and the defaults that suit it, and its data while inside.

    Raises:
        RecipeError: neither an argument nor the recipe names data.
    """
    source = source if source is not None else given.leaves.get("data.source")
    if source is None:
        raise RecipeError(NO_DATA)
    with tempfile.TemporaryDirectory(prefix="mapsto-") as folder:
        table, defaults = first_look(given, source)
        first = first_recipe(given, defaults)
        prepared = prepare(table, task=first.task, recipe_data=first.data, seed=first.seed, folder=Path(folder))
        yield *completed(given, defaults, prepared, searching=searching), prepared


def advised_for(given: Space, source: Any) -> tuple[Space, dict[str, Any]]:
    """The space and the defaults that suit a source, without a run."""
    with made_ready(given, source, searching=True) as (space, defaults, _):
        return space, defaults


def completed(
    given: Space, defaults: dict[str, Any], prepared: Prepared, *, searching: bool
) -> tuple[Space, dict[str, Any]]:
    """Adds what the task advises for these data: values for open leaves, and ranges if the user gave none."""
    task = first_recipe(given, defaults).task
    advice = {**task.data_defaults, **task.defaults(prepared.facts)}
    # What is good for one model or optimizer says nothing about another that the user chose.
    other = tuple(
        f"{section}."
        for section in ("model", "loss", "optimizer", "schedule")
        if isinstance(given.leaves.get(f"{section}.name"), str)
        and given.leaves[f"{section}.name"] != advice.get(f"{section}.name")
    )
    defaults = {name: value for name, value in advice.items() if not name.startswith(other)} | {"task.name": task.name}
    advised: dict[str, Any] = {}
    own = None
    if first_recipe(given, defaults).model.name == OWN:
        own = look_at(given, first_recipe(given, defaults), prepared)
        found = {name: v for name, v in own.defaults.items() if not name.startswith(other)}
        other += tuple(f"{section}." for section in ("loss", "optimizer", "schedule") if f"{section}.name" in found)
        defaults = {name: v for name, v in defaults.items() if not name.startswith(other)} | found
    if searching and not [name for name in given.ranges if not name.startswith("hp.")]:
        there = first_recipe(given, defaults).leaves()
        advised = {
            name: range_
            for name, range_ in task.space(prepared.facts).items()
            if name in there and not name.startswith(other)
        }
        if (
            "optimizer." in other and there["optimizer.name"] != OWN
        ):  # the rate is worth searching whatever the optimizer: a decade to either side
            rate = there["optimizer.learning_rate"]
            advised["optimizer.learning_rate"] = Log(rate / 10, rate * 10)
    if searching and own is not None:
        advised |= own.ranges
    if given.leaves.get("augment.auto"):
        advised |= _augmentations(task.augmentations(prepared.facts), searching)
    return Space.from_mapping(advised).merged(given), defaults


def _augmentations(ranges: Mapping[str, Any], searching: bool) -> dict[str, Any]:
    """What `augment: auto` adds: ranges to search, or without a search a strength that suits many data for each."""
    typical = {name: AUGMENTATIONS.get(name.removeprefix("augment.")).typical for name in ranges}
    return dict(ranges) if searching else typical


def filled(given: Space, recipe: Recipe) -> Space:
    """The space with every default written out: what `study.yaml` holds, and what repeats the study.

    Where a family's member is searched, the settings of the default member are left out: they are not the others'.
    """
    searched = tuple(name.removesuffix("name") for name in given.ranges if name.endswith(".name"))
    leaves = {name: value for name, value in recipe.leaves().items() if not searched or not name.startswith(searched)}
    return Space.from_mapping({**leaves, **given.leaves})


def device_of(recipe: Recipe) -> str:
    """Where to train, as torch calls it.

    Raises:
        RecipeError: a GPU is asked for, and there is none.
    """
    wanted = recipe.training.device
    if wanted == "cuda" and not torch.cuda.is_available():
        raise RecipeError("`training.device` is cuda, and torch finds no CUDA device here. Take `cpu` or `auto`.")
    return ("cuda" if torch.cuda.is_available() else "cpu") if wanted == "auto" else wanted
