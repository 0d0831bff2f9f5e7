"""Jobs are trained in warm worker processes on this machine, each with its own share of the cores or its own GPU."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, ClassVar

from mapsto._files import explained
from mapsto.errors import MapstoError, RunError, TrainingError
from mapsto.search.executors._warm import Message, WarmWorkers, Worker, share_of_cores
from mapsto.search.executors.base import Place
from mapsto.search.jobs import Job


@dataclass(eq=False, kw_only=True)
class _Process(Worker):
    """A worker process, the line to it, where what it prints goes, and what it has said of a message so far."""

    process: subprocess.Popen[bytes]
    line: socket.socket
    log: Path
    heard: bytearray = field(default_factory=bytearray)


class Processes(WarmWorkers[_Process]):
    """Worker processes, which end with the one that started them.

    Args:
        place: how many workers, and on what.
    """

    title: ClassVar[str] = "worker processes"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._selector = selectors.DefaultSelector()

    def close(self) -> None:
        super().close()
        self._selector.close()

    def _start(self, slot: int, job: Job) -> _Process:
        path = job.folder.parent.parent / "workers" / f"{slot}.log"
        line, far_end = socket.socketpair()
        module = "mapsto.search.executors._worker"
        try:
            log = _opened(path)
        except BaseException:
            line.close()
            far_end.close()
            raise
        code = os.memfd_create("mapsto-code")  # a file in memory, of any length, that goes with the process
        os.write(code, self.place.code.encode())
        try:
            with far_end, log, os.fdopen(code):
                process = subprocess.Popen(
                    [sys.executable, "-m", module, self._device(), str(os.getpid()), str(far_end.fileno()), str(code)],
                    pass_fds=[far_end.fileno(), code],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=self._environment(slot),
                    start_new_session=True,  # Ctrl-C is for the process that leads
                )
        except OSError as error:
            line.close()
            raise RunError(f"A worker process cannot be started ({error}). Take fewer `--workers`.") from error
        worker = _Process(slot, process=process, line=line, log=path)
        self._selector.register(line, selectors.EVENT_READ, worker)
        return worker

    def _send(self, worker: _Process, job: Job) -> None:
        with contextlib.suppress(ConnectionError):
            worker.line.sendall((json.dumps(job.to_json()) + "\n").encode())

    def _listen(self, seconds: float) -> Iterable[tuple[_Process, Sequence[Message] | None]]:
        for key, _ in self._selector.select(seconds):
            worker: _Process = key.data
            content = b""
            with contextlib.suppress(ConnectionError):
                content = worker.line.recv(1 << 16)
            worker.heard += content
            *messages, worker.heard = worker.heard.split(b"\n")
            yield worker, [json.loads(message) for message in messages] if content else None

    def _end(self, worker: _Process) -> str:
        self._selector.unregister(worker.line)
        worker.line.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.process.pid, signal.SIGKILL)  # helpers of its own too
        return f"its process ended with {_status(worker.process.wait())}"

    def _refusal(self, worker: _Process, how: str) -> MapstoError | None:
        if worker.process.returncode <= 0:  # ended by a signal, for want of memory mostly
            return None
        return TrainingError(
            f"A worker process could not begin ({how}); {worker.log} has what it said. "
            f"`--executor in_process` trains without workers."
        )

    def _device(self) -> str:
        return self.place.device if self.place.device == "cpu" else "cuda"

    def _environment(self, slot: int) -> dict[str, str]:
        own = share_of_cores(self.place)
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


def _opened(log: Path) -> IO[bytes]:
    """A worker's log, to be added to; a full disk is told as such, so that it is waited for."""
    with explained(log):
        log.parent.mkdir(exist_ok=True)
        return log.open("ab")


def _gpu_of(slot: int) -> str:
    """Workers take turns on the GPUs."""
    gpus = visible_gpus()
    return gpus[slot % len(gpus)]


def _status(code: int) -> str:
    if code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"status {code}"
