"""The contract of every executor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from mapsto.errors import DiskFull
from mapsto.search.jobs import Job
from mapsto.search.outcome import Outcome
from mapsto.training.base import Tick

OnTick = Callable[[Job, Tick, "float | None"], None]
"""Told where a job is, a few times a second, with the best score so far."""


@dataclass(frozen=True)
class Place:
    """What an executor has to work with.

    Attributes:
        device: where networks are trained, as torch calls it.
        workers: jobs that are trained at once.
        threads: of the CPU, for each; None: as many as torch takes by itself.
        address: of a cluster, or None.
        code: the user's own network for workers (see `mapsto.adapters.handing`); empty: none.
        jobs_a_worker: jobs after which a worker process is replaced; None: however many.
        on_tick: told how far jobs are.
    """

    device: str
    workers: int = 1
    threads: int | None = None
    address: str | None = None
    code: str = ""
    jobs_a_worker: int | None = None
    on_tick: OnTick = lambda job, tick, score: None


@dataclass(frozen=True)
class Ended:
    """A job is over.

    Attributes:
        job: which.
        outcome: its result; None: whoever trained it was lost, and it can be given out again.
        cause: why it was lost, in words.
        fault: the disk was full; it can be given out again when it is not.
    """

    job: Job
    outcome: Outcome | None
    cause: str = ""
    fault: DiskFull | None = None


class Executor(ABC):
    """Trains jobs and says when they are over. The jobs' results lie in their folders; nothing else comes back.

    Args:
        place: what it works with.
    """

    title: ClassVar[str]
    """What a person calls it."""

    def __init__(self, place: Place) -> None:
        self.place = place

    @property
    @abstractmethod
    def free(self) -> int:
        """Jobs that could begin now."""

    @abstractmethod
    def submit(self, job: Job) -> None:
        """Begins a job; there must be a place free for it."""

    @abstractmethod
    def wait(self, timeout: float) -> list[Ended]:
        """Jobs that are over: returns as soon as there is one, and after `timeout` seconds at the latest.

        An executor that trains in this process trains inside this call, however long that takes.

        Raises:
            MapstoError: a job met a fault that concerns all of them: data that cannot be scored, a folder that
                cannot be written.
        """

    @abstractmethod
    def close(self) -> None:
        """Ends everything at once; jobs that are not over can go on from their last checkpoint."""
