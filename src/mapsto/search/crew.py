"""How many workers train, where, and with how many threads each."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mapsto.search.executors.base import Executor, OnTick, Place
from mapsto.search.executors.in_process import InProcess
from mapsto.search.executors.processes import Processes, visible_gpus

if TYPE_CHECKING:
    from mapsto.recipe.schema import SearchOptions
    from mapsto.search.store import DataStore


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def num_workers(search: SearchOptions, device: str) -> int:
    """Trainings at once: as the user says, or one a GPU, or one a core."""
    if isinstance(search.workers, int):
        return search.workers
    return max(1, len(visible_gpus())) if device != "cpu" else num_cores()


def place(search: SearchOptions, device: str, on_tick: OnTick) -> Place:
    """What the executor works with: cores are divided among the workers."""
    workers = num_workers(search, device)
    threads = max(1, num_cores() // workers)
    return Place(
        device, workers, threads if executor_name(search, workers) != "in_process" else None, search.address, on_tick
    )


def executor_name(search: SearchOptions, workers: int) -> str:
    """The executor that the user named, or the simplest that can hold so many workers."""
    return search.executor if search.executor != "auto" else "in_process" if workers == 1 else "processes"


def crew(search: SearchOptions, place: Place, store: DataStore) -> Executor:
    """The executor of a study."""
    match executor_name(search, place.workers):
        case "in_process":
            return InProcess(place, store.loaded)
        case "processes":
            return Processes(place)
        case _:
            from mapsto.search.executors.ray import Ray

            return Ray(place)
