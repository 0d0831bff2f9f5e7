"""Jobs are trained by actors of a Ray cluster, on one machine or on many.

Moritz et al., "Ray: A Distributed Framework for Emerging AI Applications", 2018, https://arxiv.org/abs/1712.05889.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from mapsto._imports import require
from mapsto.errors import MapstoError, RunError
from mapsto.search.executors._actor import Actor
from mapsto.search.executors._warm import Message, WarmWorkers, Worker, share_of_cores
from mapsto.search.executors.base import Place
from mapsto.search.jobs import Job

OBJECT_STORE_BYTES = 100 * 2**20
"""Of shared memory, which containers have little of; only short messages pass through it."""

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # else Ray prints to standard output that an actor has died
}

ATTEMPTS = ("RAY_gcs_server_port_wait_time_s", "1")
"""To reach a cluster that is said to be there, of some 40 s each; Ray would make twenty, also to one that is gone."""


@dataclass(eq=False, kw_only=True)
class _RayWorker(Worker):
    """An actor, what it was last asked for news with, and how it ended."""

    actor: Any
    news: Any
    ending: str = "its actor was ended"


class Ray(WarmWorkers[_RayWorker]):
    """Actors of a cluster that is there already (`address`), or of a small one that is started on this machine.

    The run folder, with the prepared data in it, must lie on a file system that all machines share under the same
    path, and mapsto must be installed on each of them in the same version. Each worker takes as many CPUs as it has
    threads, and a GPU, or its share of one where there are more workers than GPUs.

    Args:
        place: how many workers, on what, and where. Address `"auto"`: the cluster that this machine belongs to;
            `"ray://host:10001"`: one that it does not belong to; None: its own, also where `RAY_ADDRESS` is set.

    Raises:
        MissingPackage: Ray is not installed.
        RunError: the cluster cannot be reached, or has no room for so many workers.
    """

    title: ClassVar[str] = "Ray"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)  # read when Ray is imported
        self._ray = require("ray", extra="ray", purpose="`--executor ray`")
        self._is_ours = not self._ray.is_initialized()
        if self._is_ours:
            self._connect()
        try:
            self._gpus = self._check_room()
        except RunError:
            self.close()
            raise

    def close(self) -> None:
        super().close()
        if self._is_ours:
            self._is_ours = False
            self._ray.shutdown()

    # -- workers --------------------------------------------------------------------------------------------------

    def _start(self, slot: int, job: Job) -> _RayWorker:
        actor = (
            self._ray.remote(Actor)
            .options(
                num_cpus=self.place.threads or 1,
                num_gpus=self._gpus,
                max_restarts=0,  # another one is started here, which knows what to go on with
                scheduling_strategy="SPREAD",
                # One arena: memory that the training thread frees is used again, as it is in a main thread.
                runtime_env={"env_vars": {**share_of_cores(self.place), "MALLOC_ARENA_MAX": "1"}},
            )
            .remote("cuda" if self._gpus else "cpu", self.place.code)
        )
        return _RayWorker(slot, actor=actor, news=actor.news.remote())

    def _send(self, worker: _RayWorker, job: Job) -> None:
        worker.actor.begin.remote(_absolute(job).to_json())
        worker.news = worker.actor.news.remote()

    def _listen(self, seconds: float) -> Iterable[tuple[_RayWorker, Sequence[Message] | None]]:
        asked = {worker.news: worker for worker in self._present() if worker.news is not None}
        if not asked:
            time.sleep(seconds)
            return
        ready, _ = self._ray.wait(list(asked), num_returns=1, timeout=seconds)
        if ready:  # and others, whose turn is now as well
            ready, _ = self._ray.wait(list(asked), num_returns=len(asked), timeout=0)
        for news in ready:
            yield self._answer(asked[news])

    def _answer(self, worker: _RayWorker) -> tuple[_RayWorker, Sequence[Message] | None]:
        """What a worker has answered; it is asked again as long as more is to come."""
        try:
            messages: list[Message] = self._ray.get(worker.news)
        except self._ray.exceptions.RayError as error:
            worker.ending = _ending(error)
            return worker, None
        is_over = any(message["kind"] in ("ready", "fault", "ended") for message in messages)
        worker.news = None if is_over else worker.actor.news.remote()
        return worker, messages

    def _end(self, worker: _RayWorker) -> str:
        self._ray.kill(worker.actor)
        return worker.ending

    def _refusal(self, worker: _RayWorker, how: str) -> MapstoError | None:
        if "SIGKILL" in how:  # for want of memory mostly, which another one may have
            return None
        return RunError(
            f"A worker of the Ray cluster could not begin: {how}. Is mapsto installed on all of its machines, in the "
            f"same version, and are enough of their cores free? `--executor processes` trains on this machine alone."
        )

    # -- the cluster ----------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        address = self.place.address
        own = {
            "num_cpus": self.place.workers * (self.place.threads or 1),
            "object_store_memory": OBJECT_STORE_BYTES,
            "include_dashboard": False,
        }
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        if address:
            os.environ.setdefault(*ATTEMPTS)
        try:
            with _kept_sigterm(), warnings.catch_warnings(action="ignore"):
                self._ray.init(address=address or "local", **quiet, **({} if address else own))
        except (OSError, RuntimeError, ValueError, ImportError) as error:
            what = f"The Ray cluster at {address} cannot be reached" if address else "Ray cannot be started"
            raise RunError(
                f"{what}: {error}. `--address auto` finds the cluster that this machine belongs to; `--executor "
                f"processes` trains without Ray."
            ) from error

    def _check_room(self) -> float:
        """The GPUs that each worker takes, after a look at whether all of them find a place."""
        machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        workers, cpus = self.place.workers, self.place.threads or 1
        found = sum(machine.get("GPU", 0.0) for machine in machines)
        gpus = 0.0 if self.place.device == "cpu" else min(1.0, int(found / workers * 1000) / 1000)
        if self.place.device != "cpu" and not gpus:
            raise RunError("The Ray cluster has no GPU. Train with `--set training.device=cpu`.")
        rooms = [int(machine.get("CPU", 0.0) // cpus) for machine in machines]
        if gpus:
            rooms = [
                min(room, int(machine.get("GPU", 0.0) / gpus)) for room, machine in zip(rooms, machines, strict=True)
            ]
        if sum(rooms) < workers:
            raise RunError(
                f"The Ray cluster has room for {sum(rooms)} workers with {cpus} cores each, and {workers} are wanted. "
                f"Take fewer `--workers`, or add machines."
            )
        return gpus


@contextmanager
def _kept_sigterm() -> Iterator[None]:
    """From its start on, Ray answers SIGTERM in its own way; here it is answered as before."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)


def _absolute(job: Job) -> Job:
    """The job with paths that do not depend on where a process stands."""
    return replace(
        job,
        folder=job.folder.absolute(),
        tensorboard=job.tensorboard.absolute(),
        checkpoint=None if job.checkpoint is None else job.checkpoint.absolute(),
        stages=tuple(replace(stage, data=str(Path(stage.data).absolute())) for stage in job.stages),
    )


def _ending(error: Exception) -> str:
    """How an actor ended, from the last line of what Ray says."""
    last = str(error).strip().splitlines()[-1].strip()
    if "Worker exit type" in last:  # its process is gone, and what follows is a list of what may have been the cause
        return "its actor's process was ended, as by SIGKILL"
    return f"its actor died: {last[:200]}"
