"""Jobs are trained in this process, one after the other."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from mapsto.errors import DiskFull
from mapsto.search.executors.base import Ended, Executor, Place
from mapsto.search.jobs import Job
from mapsto.search.store import Loaded
from mapsto.search.training_run import execute


class InProcess(Executor):
    """The simplest: nothing is started, and a fault of a library ends all of it.

    Args:
        place: what it works with; one job at a time.
        loaded: the data, shared with whoever else uses them in this process.
    """

    title: ClassVar[str] = "in this process"

    def __init__(self, place: Place, loaded: Loaded | None = None) -> None:
        super().__init__(place)
        self._loaded = loaded or Loaded(place.device)
        self._job: Job | None = None

    @property
    def free(self) -> int:
        return int(self._job is None)

    def submit(self, job: Job) -> None:
        self._job = job

    def wait(self, timeout: float) -> list[Ended]:
        if self._job is None:
            return []
        job, self._job = self._job, None
        try:
            return [Ended(job, execute(job, self._loaded, partial(self.place.on_tick, job)))]
        except DiskFull as error:
            return [Ended(job, None, fault=error)]

    def close(self) -> None:
        self._job = None
