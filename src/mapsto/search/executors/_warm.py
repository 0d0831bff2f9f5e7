"""Workers that stay between jobs: they are given jobs, listened to, and replaced where they are lost."""

from __future__ import annotations

import logging
import sys
import time
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from mapsto.errors import DiskFull, MapstoError, by_name
from mapsto.search.executors._watch import Watch
from mapsto.search.executors.base import Ended, Executor, Place
from mapsto.search.jobs import Job
from mapsto.search.outcome import Outcome
from mapsto.training.base import Tick

logger = logging.getLogger("mapsto")

LOOK_SECONDS = 1.0
"""How long is listened at once."""
MOST_STARTS = 2
"""Workers that end in a row before they could begin; one alone may have met a moment without memory."""
GROWTH_BYTES, GROWTH_FACTOR = 512 * 2**20, 1.5
"""A worker that holds so much more than after its first job, and so many times that, is replaced by a new one."""

Message = Mapping[str, Any]
"""What a worker says; see `_working.Say`."""


@dataclass(eq=False)
class Worker:
    """One that trains.

    Attributes:
        slot: its place among the workers, from 0.
        job: what it is to train; None: nothing.
        given: when it was given that, by `time.monotonic`.
        watch: how long it has been silent.
        first_bytes: of memory that it held after its first job.
        jobs: that it has done.
    """

    slot: int
    job: Job | None = None
    given: float = 0.0
    watch: Watch = field(default_factory=Watch)
    first_bytes: int | None = None
    jobs: int = 0


W = TypeVar("W", bound=Worker)


class WarmWorkers(Executor, Generic[W]):
    """A worker that dies, hangs or grows is replaced, when a job needs its place.

    A job whose worker was lost is handed back (`Ended` without an outcome): its checkpoint is at most some seconds old.
    Members say how a worker is started, spoken to, listened to and ended.

    Args:
        place: how many workers, and on what.
    """

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._workers: dict[int, W | None] = dict.fromkeys(range(place.workers))
        self._failed_starts = 0

    @abstractmethod
    def _start(self, slot: int, job: Job) -> W:
        """Starts a worker, whose first job this will be; it says `"ready"` when it can take it."""

    @abstractmethod
    def _send(self, worker: W, job: Job) -> None:
        """Hands a job to a worker that is ready; one that is gone is found out by listening."""

    @abstractmethod
    def _listen(self, seconds: float) -> Iterable[tuple[W, Sequence[Message] | None]]:
        """What workers have said, or None for one that is gone; waits up to so many seconds for the first word."""

    @abstractmethod
    def _end(self, worker: W) -> str:
        """Ends a worker, gone or not, at once; how it has ended, in words."""

    @abstractmethod
    def _refusal(self, worker: W, how: str) -> MapstoError | None:
        """What is to be told of a worker that has ended before it could begin; None: another one may do better."""

    @property
    def free(self) -> int:
        return sum(worker is None or worker.job is None for worker in self._workers.values())

    def submit(self, job: Job) -> None:
        slots = [slot for slot, worker in self._workers.items() if worker is None or worker.job is None]
        slot = min(slots, key=lambda slot: self._workers[slot] is None)  # one that is warm, if there is one
        worker = self._workers[slot]
        if worker is None:
            worker = self._workers[slot] = self._start(slot, job)
        worker.job, worker.given = job, time.monotonic()
        worker.watch.begin()
        if worker.watch.is_ready:
            self._send(worker, job)

    def wait(self, timeout: float) -> list[Ended]:
        ended: list[Ended] = []
        until = time.monotonic() + timeout
        while not ended:
            began = time.monotonic()
            for worker, messages in self._listen(max(0.0, min(until - began, LOOK_SECONDS))):
                ended += self._lost(worker) if messages is None else self._heard(worker, messages)
            listened = min(time.monotonic() - began, LOOK_SECONDS)
            for worker in self._present():
                ended += self._checked(worker, listened)
            if time.monotonic() >= until:
                break
        return ended

    def close(self) -> None:
        for worker in self._present():
            self._retire(worker)

    def _present(self) -> list[W]:
        return [worker for worker in self._workers.values() if worker is not None]

    # -- what a worker says ---------------------------------------------------------------------------------------

    def _heard(self, worker: W, messages: Sequence[Message]) -> list[Ended]:
        ended = []
        for message in messages:
            worker.watch.heard(is_step=message["kind"] != "pulse")
            ended += self._told(worker, message)
        return ended

    def _told(self, worker: W, message: Message) -> list[Ended]:
        job = worker.job
        match message["kind"]:
            case "ready":
                worker.watch.is_ready, self._failed_starts = True, 0
                if job is not None:  # its time has begun already
                    waited = time.monotonic() - worker.given
                    self._send(worker, replace(job, seconds=max(0.0, job.seconds - waited)))
            case "tick" if job is not None:
                self.place.on_tick(job, Tick(*message["tick"]), message["score"])
            case "fault" if job is not None:
                error = by_name(message["error"], message["message"])
                if not isinstance(error, DiskFull):
                    raise error
                worker.job = None
                return [Ended(job, None, fault=error)]
            case "ended" if job is not None:
                worker.job = None
                self._recycle(worker, int(message["bytes"]))
                return [Ended(job, Outcome.from_json(message["outcome"]))]
        return []

    # -- those that are replaced ----------------------------------------------------------------------------------

    def _recycle(self, worker: W, held: int) -> None:
        """Ends a worker that holds much more memory than it did after its first job, or has done its share of jobs."""
        worker.jobs += 1
        if worker.first_bytes is None:
            worker.first_bytes = held
        limit = self.place.jobs_a_worker
        has_grown = held > max(worker.first_bytes + GROWTH_BYTES, GROWTH_FACTOR * worker.first_bytes)
        if has_grown or (limit is not None and worker.jobs >= limit):
            self._retire(worker)

    def _checked(self, worker: W, listened: float) -> list[Ended]:
        """Ends a worker that hangs."""
        if worker.job is None:
            return []
        worker.watch.listened(listened)
        complaint = worker.watch.complaint(worker.job.seconds)
        return self._lost(worker, complaint) if complaint else []

    def _lost(self, worker: W, complaint: str = "") -> list[Ended]:
        """A worker is gone, or is ended; its job is handed back, and another one may take its place."""
        how = self._retire(worker)
        refusal = None if worker.watch.is_ready else self._refusal(worker, complaint or how)
        self._failed_starts += refusal is not None
        if refusal is not None and self._failed_starts >= MOST_STARTS:
            if not any(other.watch.is_ready for other in self._present()):
                raise refusal
            logger.warning("The study goes on with fewer workers. %s", refusal)
            del self._workers[worker.slot]
        return [] if worker.job is None else [Ended(worker.job, None, complaint or how)]

    def _retire(self, worker: W) -> str:
        self._workers[worker.slot] = None
        return self._end(worker)


def share_of_cores(place: Place) -> dict[str, str]:
    """What tells a worker its share of the machine, to be read before it imports torch."""
    names = (
        "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
    )  # fmt: skip
    own = {} if place.threads is None else dict.fromkeys(names, str(place.threads))
    if "keras" in sys.modules:  # its backend is chosen once a process, and the workers' must be this one's
        own["KERAS_BACKEND"] = sys.modules["keras"].backend.backend()
    return {"OMP_WAIT_POLICY": "PASSIVE", **own}
