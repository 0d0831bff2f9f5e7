"""A worker process: takes jobs from a socket, a line each, and tells there how they go."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
import time
from typing import Any

from mapsto.adapters.handing import unpack
from mapsto.search.executors._working import PULSE_SECONDS, Pulse, train, warm_up
from mapsto.search.jobs import Job
from mapsto.search.store import Loaded

PR_SET_PDEATHSIG = 1


def work(device: str, line: int, code: int) -> None:
    """Trains jobs until there are no more.

    Args:
        device: where networks are trained.
        code: the file descriptor of what was packed by `mapsto.adapters.handing`.
        line: the file descriptor of the socket. Only the end of this process closes it, so that it tells of no other.
    """
    say = _Say(line)
    warm_up()
    with os.fdopen(code, encoding="utf-8") as file:
        file.seek(0)
        unpack(file.read())
    loaded = Loaded(device)
    say(kind="ready")
    threading.Thread(target=_beat, args=(say,), name="mapsto-pulse", daemon=True).start()
    with os.fdopen(line, encoding="utf-8", closefd=False) as jobs:
        for job in jobs:
            train(Job.from_json(json.loads(job)), loaded, say)


class _Say:
    """Sends messages, each a line of JSON."""

    def __init__(self, line: int) -> None:
        self._line, self._lock = line, threading.Lock()

    def __call__(self, **message: Any) -> None:
        content = (json.dumps(message) + "\n").encode()
        with self._lock:
            while content:
                content = content[os.write(self._line, content) :]


def _beat(say: _Say) -> None:
    pulse = Pulse()
    while True:
        time.sleep(PULSE_SECONDS)
        if pulse.beats():
            say(kind="pulse")


def _end_with(parent: int) -> None:
    """The kernel ends this process when the one that started it is gone, however that ended."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    _end_with(int(sys.argv[2]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work(sys.argv[1], int(sys.argv[3]), int(sys.argv[4]))
