"""Jobs given out, and given out again where whoever trained them was lost."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from mapsto.search.executors.base import Executor
from mapsto.search.jobs import Job
from mapsto.search.outcome import RESULT, Outcome
from mapsto.search.patience import Patience
from mapsto.search.training_run import checkpoint_path, log

logger = logging.getLogger("mapsto")

MOST_LOSSES = 3
"""A job that was lost so often in a row, without getting on in between, is not given out again."""


class Dispatcher:
    """Hands jobs to an executor and keeps those that are out.

    Args:
        executor: who trains.
        patience: waits where the disk is full.
    """

    def __init__(self, executor: Executor, patience: Patience) -> None:
        self.executor, self._patience = executor, patience
        self.out: dict[str, Job] = {}
        self._until: dict[str, float] = {}
        self._again: deque[Job] = deque()
        self._results: dict[str, tuple[int, int] | None] = {}  # the result files that jobs began with
        self._losses: dict[str, tuple[int, float]] = {}

    @property
    def free(self) -> int:
        """Jobs that could begin now."""
        return max(0, self.executor.free - len(self._again))

    def submit(self, job: Job) -> None:
        """Gives a job out."""
        self.out[job.name] = job
        self._until[job.name] = time.monotonic() + job.seconds
        self._results[job.name] = _result(job)
        self._patience(partial(self.executor.submit, job))

    def wait(self, timeout: float) -> Iterator[tuple[Job, Outcome]]:
        """Jobs that are over, with their results; waits up to so many seconds for one."""
        while self._again and self.executor.free:
            self._resume(self._again.popleft())
        for ended in self.executor.wait(timeout):
            job = self.out[ended.job.name]
            outcome = ended.outcome
            if outcome is None and _result(job) != self._results[job.name]:
                # Whoever trained it was lost between writing the result and telling it, which then stands.
                outcome = Outcome.read(job.folder)
            elif ended.fault is not None:
                self._patience(partial(_probe, ended.fault, job))
                self._again.append(job)
                continue
            if outcome is None:
                outcome = self._lost(job, ended.cause)
            if outcome is not None:
                del self.out[job.name], self._until[job.name], self._results[job.name]
                self._losses.pop(job.name, None)
                yield job, outcome

    def _resume(self, job: Job) -> None:
        """Gives a job out again, for the rest of its time."""
        job = replace(job, seconds=max(0.0, self._until[job.name] - time.monotonic()))
        self.out[job.name] = job
        self._patience(partial(self.executor.submit, job))

    def _lost(self, job: Job, cause: str) -> Outcome | None:
        """Gives a lost job out again, from its last checkpoint; its result where that has become hopeless."""
        self._patience(partial(_note, job, f"lost: {cause}"))
        logger.info("trial %s was lost: %s", job.number, cause)
        path = checkpoint_path(job.folder)
        saved = path.stat().st_mtime if path.exists() else 0.0
        count, before = self._losses.get(job.name, (0, saved))
        count = count + 1 if saved <= before else 1
        self._losses[job.name] = (count, saved)
        if count >= MOST_LOSSES:
            hopeless = Outcome(
                number=job.number,
                phase=job.phase,
                state="failed",
                cause=f"it was lost {count} times without getting on: {cause}",
                score=None,
                best_epoch=0,
                epochs=0,
                steps=0,
                seconds=0.0,
                parameters=0,
                chosen=dict(job.chosen),
                seed=int(job.leaves.get("training.seed") or 0),
                of=job.of,
                starts_from=job.starts_from,
            )
            self._patience(partial(hopeless.write, job.folder))
            return hopeless
        if "SIGKILL" in cause and count > 1:  # most likely by the system, for want of memory
            pieces = 2 * int(job.leaves["training.accumulate_steps"])
            job = replace(job, leaves={**job.leaves, "training.accumulate_steps": pieces})
        self._again.append(job)
        return None


def _note(job: Job, line: str) -> None:
    job.folder.mkdir(parents=True, exist_ok=True)  # it may have been lost before it had one
    log(job.folder, line)


def _result(job: Job) -> tuple[int, int] | None:
    """Which result file lies in a job's folder; None: there is none."""
    try:
        found = (job.folder / RESULT).stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def _probe(fault: Exception, job: Job) -> None:
    """Raises the fault as long as nothing can be written beside the job's files."""
    probe = job.folder / ".probe"
    try:
        job.folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"\0" * 2**20)
    except OSError as error:
        raise fault from error
    finally:
        probe.unlink(missing_ok=True)
