"""What a worker does, wherever it is: it trains one job after the other, and says how they go."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from mapsto.errors import MapstoError
from mapsto.search.costs import resident
from mapsto.search.jobs import Job
from mapsto.search.store import Loaded
from mapsto.search.training_run import execute
from mapsto.training.base import Tick

Say = Callable[..., None]
"""Takes one message, as keywords with values of JSON's types. Its `kind` is `"ready"`, `"tick"`, `"fault"`, `"ended"`,
or `"pulse"`: busy with something that has no ticks."""

PULSE_SECONDS = 5.0
BUSY_SHARE = 0.01
"""Of one core: a worker that uses less waits for something that may never come."""


def warm_up() -> None:
    """Loads torch, in the thread that will train."""
    from mapsto._imports import torch  # here, so that the environment is read first

    threads = os.environ.get("OMP_NUM_THREADS")
    if threads is not None:
        torch.set_num_threads(int(threads))
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)  # whose first use imports for seconds


def train(job: Job, loaded: Loaded, say: Say) -> None:
    """Trains a job, and says in the end what became of it."""

    def on_tick(tick: Tick, score: float | None) -> None:
        say(kind="tick", tick=[tick.epoch, tick.max_epochs, tick.step, tick.steps_per_epoch], score=score)

    try:
        outcome = execute(job, loaded, on_tick)
    except MapstoError as error:
        say(kind="fault", error=type(error).__name__, message=str(error))
        return
    say(kind="ended", outcome=outcome.to_json(), bytes=resident())


class Pulse:
    """Tells a process that is busy from one that hangs, by the time of the CPU that it uses."""

    def __init__(self) -> None:
        self._asked, self._used = time.monotonic(), time.process_time()

    def beats(self) -> bool:
        """Whether this process was busy since this was asked before."""
        now, used = time.monotonic(), time.process_time()
        is_busy = used - self._used >= BUSY_SHARE * (now - self._asked)
        self._asked, self._used = now, used
        return is_busy
