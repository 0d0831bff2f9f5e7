"""Jobs are trained in warm worker processes on this machine, each with its own share of the cores or its own GPU."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar

from mapsto.errors import DiskFull, RunError, TrainingError, by_name
from mapsto.search.executors.base import Ended, Executor, Place
from mapsto.search.jobs import Job
from mapsto.search.outcome import Outcome
from mapsto.training.base import Tick

SILENCE_SECONDS = 60.0
"""A worker that has said nothing for so long, and for `SILENCE_FACTOR` times its longest silence yet, hangs."""
SILENCE_FACTOR = 20.0
START_SECONDS = 120.0
"""Importing torch on a busy machine may take that long."""
GRACE_SECONDS = 20.0
"""A job whose time is up ends itself after a step; one that is still there so much later is ended."""

MOST_STARTS = 3
"""Workers that end in a row before they could begin; one may have met a moment without memory."""

GROWTH_BYTES, GROWTH_FACTOR = 512 * 2**20, 1.5
"""A worker that holds so much more than after its first job, and so many times that, is replaced by a new one."""


@dataclass
class _Worker:
    """A process, the job that it has, and when it was last heard of."""

    process: subprocess.Popen[bytes]
    heard: float
    job: Job | None = None
    ends_at: float = float("inf")
    longest_silence: float = 0.0
    is_ready: bool = False
    first_bytes: int | None = None
    buffer: bytearray = field(default_factory=bytearray)

    @property
    def patience(self) -> float:
        """Seconds of silence after which the process counts as hanging."""
        if not self.is_ready:
            return START_SECONDS
        return max(SILENCE_SECONDS, SILENCE_FACTOR * self.longest_silence)


class Processes(Executor):
    """Workers stay warm between jobs, and a worker that dies, hangs or grows is replaced.

    A job whose worker was lost is handed back (`Ended` without an outcome): its checkpoint is at most some seconds old.

    Args:
        place: how many workers, and on what.
    """

    title: ClassVar[str] = "worker processes"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._selector = selectors.DefaultSelector()
        self._workers: list[_Worker | None] = [None] * place.workers
        self._logs = Path(os.devnull)
        self._failed_starts = 0

    @property
    def free(self) -> int:
        return sum(worker is None or worker.job is None for worker in self._workers)

    def submit(self, job: Job) -> None:
        slot = next(i for i, worker in enumerate(self._workers) if worker is None or worker.job is None)
        worker = self._workers[slot] or self._start(slot, job)
        now = time.monotonic()
        worker.job, worker.heard, worker.ends_at = job, now, now + job.seconds
        with contextlib.suppress(BrokenPipeError):  # it has died between two jobs; `wait` hands the job back
            # The clock is the machine's: what the worker takes to start is a part of the job's time.
            message = {"job": job.to_json(), "until": now + job.seconds}
            _stream(worker.process.stdin).write((json.dumps(message) + "\n").encode())
            _stream(worker.process.stdin).flush()

    def wait(self, timeout: float) -> list[Ended]:
        ended: list[Ended] = []
        until = time.monotonic() + timeout
        while not ended and (left := until - time.monotonic()) > 0:
            for key, _ in self._selector.select(min(left, 1.0)):
                ended += self._heard(key.data)
            for slot, worker in enumerate(self._workers):
                if worker is not None:
                    ended += self._checked(slot, worker)
        return ended

    def close(self) -> None:
        for slot in range(len(self._workers)):
            self._end(slot)
        self._selector.close()

    # -- what a worker says ---------------------------------------------------------------------------------------

    def _heard(self, slot: int) -> list[Ended]:
        """Reads what a worker has said, and acts on whole lines."""
        worker = self._workers[slot]
        if worker is None or worker.process.stdout is None:
            return []
        content = os.read(worker.process.stdout.fileno(), 1 << 16)
        if not content:
            return self._lost(slot, worker)
        now = time.monotonic()
        worker.longest_silence = max(worker.longest_silence, now - worker.heard) if worker.is_ready else 0.0
        worker.heard = now
        worker.buffer += content
        *lines, rest = worker.buffer.split(b"\n")
        worker.buffer = bytearray(rest)
        return [end for line in lines for end in self._told(slot, worker, json.loads(line))]

    def _told(self, slot: int, worker: _Worker, message: Mapping[str, Any]) -> list[Ended]:
        job = worker.job
        match message["kind"]:
            case "ready":
                worker.is_ready, self._failed_starts = True, 0
            case "tick" if job is not None:
                self.place.on_tick(job, Tick(*message["tick"]), message["score"])
            case "fault" if job is not None:
                error = by_name(message["error"], message["message"])
                if not isinstance(error, DiskFull):
                    raise error
                worker.job, worker.ends_at = None, float("inf")
                return [Ended(job, None, fault=error)]
            case "ended" if job is not None:
                worker.job, worker.ends_at = None, float("inf")
                self._recycle(slot, worker, int(message["bytes"]))
                return [Ended(job, Outcome.from_json(message["outcome"]))]
        return []

    def _recycle(self, slot: int, worker: _Worker, held: int) -> None:
        """Replaces a worker that holds much more memory than it did after its first job."""
        if worker.first_bytes is None:
            worker.first_bytes = held
        if held > max(worker.first_bytes + GROWTH_BYTES, GROWTH_FACTOR * worker.first_bytes):
            self._end(slot)

    def _checked(self, slot: int, worker: _Worker) -> list[Ended]:
        """Ends a worker that hangs."""
        now = time.monotonic()
        if worker.job is None:
            return []
        if now - worker.heard > worker.patience:
            return self._lost(slot, worker, f"nothing was heard of it for {now - worker.heard:.0f} s")
        if now > worker.ends_at + GRACE_SECONDS:
            return self._lost(slot, worker, "it did not end when its time was up")
        return []

    def _lost(self, slot: int, worker: _Worker, cause: str = "") -> list[Ended]:
        """A worker is gone, or is ended; its job is handed back."""
        job = worker.job
        self._end(slot)
        if not worker.is_ready and not cause and worker.process.returncode > 0:
            self._failed_starts += 1
        if self._failed_starts >= MOST_STARTS:
            raise TrainingError(
                f"A worker process ended with {_status(worker.process.returncode)} before it could begin; {self._logs} "
                f"has what it said. `--executor in_process` trains without workers."
            )
        cause = cause or f"its process ended with {_status(worker.process.returncode)}"
        return [] if job is None else [Ended(job, None, cause)]

    # -- processes ------------------------------------------------------------------------------------------------

    def _start(self, slot: int, job: Job) -> _Worker:
        self._logs = job.folder.parent.parent / "workers" / f"{slot}.log"
        try:
            self._logs.parent.mkdir(exist_ok=True)
            with self._logs.open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "mapsto.search.executors._worker", self._device(slot)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=self._environment(slot),
                    start_new_session=True,  # Ctrl-C is for the process that leads
                )
        except OSError as error:
            raise RunError(f"A worker process cannot be started ({error}). Take fewer `--workers`.") from error
        worker = _Worker(process, time.monotonic())
        self._workers[slot] = worker
        self._selector.register(_stream(process.stdout), selectors.EVENT_READ, slot)
        return worker

    def _end(self, slot: int) -> None:
        worker = self._workers[slot]
        if worker is None:
            return
        self._workers[slot] = None
        self._selector.unregister(_stream(worker.process.stdout))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.process.pid, signal.SIGKILL)  # helpers of its own too
        worker.process.wait()
        for stream in (worker.process.stdin, worker.process.stdout):
            with contextlib.suppress(BrokenPipeError):
                _stream(stream).close()

    def _device(self, slot: int) -> str:
        return self.place.device if self.place.device == "cpu" else "cuda"

    def _environment(self, slot: int) -> dict[str, str]:
        """Its share of the machine, to be read before torch is imported."""
        own = {"OMP_WAIT_POLICY": "PASSIVE", "MAPSTO_WORKER": str(slot)}
        if self.place.threads is not None:
            own |= dict.fromkeys(
                ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(self.place.threads)
            )
        if self.place.device != "cpu":
            own["CUDA_VISIBLE_DEVICES"] = _gpu_of(slot)
        return {**os.environ, **own}


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, by the names that `CUDA_VISIBLE_DEVICES` takes."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name for name in named.split(",") if name.strip()]
    from mapsto._imports import torch

    return [str(number) for number in range(torch.cuda.device_count())]


def _gpu_of(slot: int) -> str:
    """Workers take turns on the GPUs."""
    gpus = visible_gpus()
    return gpus[slot % len(gpus)]


def _status(code: int) -> str:
    if code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"status {code}"


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream
