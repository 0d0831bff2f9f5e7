"""A worker on some machine of a Ray cluster: takes jobs, and answers what is new of them."""

from __future__ import annotations

import os
import platform
import queue
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mapsto._imports import torch
from mapsto.adapters.handing import unpack
from mapsto.search.executors._working import PULSE_SECONDS, Pulse, train, warm_up
from mapsto.search.jobs import Job
from mapsto.search.store import Loaded

TELL_SECONDS = 0.5
"""Ticks go over the network no more often."""


class Actor:
    """Trains in a thread of its own, so that it can be asked meanwhile.

    Args:
        device: where networks are trained.
        code: what was packed by `mapsto.adapters.handing`.
    """

    def __init__(self, device: str, code: str = "") -> None:
        torch.get_num_threads()  # imports it here, where what is missing becomes the answer of whoever asks
        self._jobs: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
        self._messages: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._pulse = Pulse()
        threading.Thread(target=self._work, args=(device, code), name="mapsto-training", daemon=True).start()

    def begin(self, job: Mapping[str, Any]) -> None:
        """Takes a job, as plain data; the one before must be over."""
        self._jobs.put(job)

    def news(self) -> list[dict[str, Any]]:
        """What there is to say, as soon as there is something; of ticks the last one, and that after a while.

        After some seconds without a word: that the training is busy, or nothing where it is not.
        """
        ticks: list[dict[str, Any]] = []
        until = time.monotonic() + TELL_SECONDS
        while True:
            try:
                wait = max(0.0, until - time.monotonic()) if ticks else PULSE_SECONDS
                message = self._messages.get(timeout=wait)
            except queue.Empty:
                return ticks or ([{"kind": "pulse"}] if self._pulse.beats() else [])
            if message["kind"] != "tick":
                return [*ticks, message]
            ticks = [message]

    def _work(self, device: str, code: str) -> None:
        try:
            warm_up()
            unpack(code)
            loaded = Loaded(device)
            self._say(kind="ready")
            while True:
                job = Job.from_json(self._jobs.get())
                missing = _out_of_sight(job)
                if missing is None:
                    train(job, loaded, self._say)
                else:
                    self._say(kind="fault", error="RunError", message=_not_shared(missing))
        except BaseException:  # noqa: BLE001  a thread would end alone, and the actor would be waited for
            traceback.print_exc()
            os._exit(1)

    def _say(self, **message: Any) -> None:
        self._messages.put(message)


def _out_of_sight(job: Job) -> Path | None:
    """A folder that the job needs and this machine does not see."""
    needed = [job.folder.parent.parent, *(Path(stage.data) for stage in job.stages)]
    return next((folder for folder in needed if not folder.is_dir()), None)


def _not_shared(folder: Path) -> str:
    return (
        f"{folder} cannot be seen on {platform.node()}, a machine of the Ray cluster. The run folder must lie on a "
        f"file system that all its machines share, under the same path: choose such a folder with `--out`."
    )
