"""How many workers train, where, and with how many threads each."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mapsto.adapters.handing import models_a_worker, packed
from mapsto.search.executors.base import Executor, OnTick, Place
from mapsto.search.executors.in_process import InProcess
from mapsto.search.executors.processes import Processes, visible_gpus

if TYPE_CHECKING:
    from mapsto.recipe.schema import Recipe, SearchOptions
    from mapsto.search.store import DataStore


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def num_workers(search: SearchOptions, device: str) -> int:
    """Trainings at once: as the user says, or one a GPU, or one a core."""
    if isinstance(search.workers, int):
        return search.workers
    return max(1, len(visible_gpus())) if device != "cpu" else num_cores()


def place(recipe: Recipe, device: str, on_tick: OnTick) -> Place:
    """What the executor works with: cores are divided among the workers.

    Raises:
        RecipeError: the network is the user's own, and cannot be handed to workers.
    """
    search = recipe.search
    workers = num_workers(search, device)
    limit = models_a_worker(recipe)
    if executor_name(search, workers, limit) == "in_process":
        return Place(device, workers, None, search.address, on_tick=on_tick)
    threads = max(1, num_cores() // workers)
    return Place(device, workers, threads, search.address, packed(recipe), limit, on_tick)


def executor_name(search: SearchOptions, workers: int, jobs_a_worker: int | None) -> str:
    """The executor that the user named, or the simplest that can hold so many workers, and replace them."""
    if search.executor != "auto":
        return search.executor
    return "in_process" if workers == 1 and jobs_a_worker is None else "processes"


def crew(search: SearchOptions, place: Place, store: DataStore) -> Executor:
    """The executor of a study."""
    match executor_name(search, place.workers, place.jobs_a_worker):
        case "in_process":
            return InProcess(place, store.loaded)
        case "processes":
            return Processes(place)
        case _:
            from mapsto.search.executors.ray import Ray

            return Ray(place)
