"""A worker process: reads jobs from its standard input, a line each, and tells on standard output how they go."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from dataclasses import replace
from typing import Any

from mapsto.errors import MapstoError
from mapsto.search.costs import resident
from mapsto.search.jobs import Job
from mapsto.search.store import Loaded
from mapsto.search.training_run import execute
from mapsto.training.base import Tick

PR_SET_PDEATHSIG = 1


def work(device: str) -> None:
    """Trains jobs until there are no more."""
    from mapsto._imports import torch  # here, so that the environment is read first

    threads = os.environ.get("OMP_NUM_THREADS")
    if threads is not None:
        torch.set_num_threads(int(threads))
    channel = _channel()
    say = _Say(channel)
    loaded = Loaded(device)
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)  # whose first use imports for seconds
    say(kind="ready")
    for line in sys.stdin:
        message = json.loads(line)
        job = replace(Job.from_json(message["job"]), seconds=max(0.0, message["until"] - time.monotonic()))

        def on_tick(tick: Tick, score: float | None) -> None:
            say(kind="tick", tick=[tick.epoch, tick.max_epochs, tick.step, tick.steps_per_epoch], score=score)

        try:
            outcome = execute(job, loaded, on_tick)
        except MapstoError as error:
            say(kind="fault", error=type(error).__name__, message=str(error))
            continue
        say(kind="ended", outcome=outcome.to_json(), bytes=resident())


class _Say:
    """Writes messages, each a line."""

    def __init__(self, channel: int) -> None:
        self._channel = channel

    def __call__(self, **message: Any) -> None:
        content = (json.dumps(message) + "\n").encode()
        while content:
            content = content[os.write(self._channel, content) :]


def _channel() -> int:
    """Standard output for messages alone: what libraries print goes where errors go."""
    channel = os.dup(1)
    os.dup2(2, 1)
    return channel


def _end_with_the_parent() -> None:
    """The kernel ends this process when the one that started it is gone, however that ended."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    _end_with_the_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work(sys.argv[1])
