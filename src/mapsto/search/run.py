"""The run folder: who may write it, and where things lie in it."""

from __future__ import annotations

import fcntl
import itertools
import os
import re
import shutil
import time
from pathlib import Path
from typing import IO, Any

from mapsto import _files
from mapsto.errors import RunError

STUDY, JOURNAL, STATE, RESULTS, REPORT = "study.yaml", "study.journal", "state.json", "results.json", "report.html"
SAVE_STATE_SECONDS = 1.0


class Run:
    """A run folder, held by this process alone until `close`.

    The lock is the kernel's: it is gone with the process, however that ends.

    Args:
        path: the folder; `create` and `open` make one of these.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = _locked(path)
        self.state: dict[str, Any] = _files.read_json(path / STATE) if (path / STATE).exists() else {}
        self._started = time.perf_counter()
        self._before = float(self.state.get("elapsed", 0.0))
        self._saved = self._started

    @classmethod
    def create(cls, path: Path, *, overwrite: bool = False) -> Run:
        """Makes a new run folder.

        Raises:
            RunError: something else is there, or it cannot be written.
        """
        if path.exists() and any(path.iterdir() if path.is_dir() else [path]):
            if not overwrite:
                raise RunError(
                    f"{path} is there already and is not overwritten. Go on with it by `mapsto resume {path}`, choose "
                    f"another folder with `--out`, or replace it with `--overwrite`."
                )
            if not (path / STUDY).exists():
                raise RunError(
                    f"{path} is not a run of mapsto, so `--overwrite` does not touch it. Choose another `--out`."
                )
            cls(path).close()  # refuses if another process works in it
            shutil.rmtree(path)
        with _files.explained(path):
            path.mkdir(parents=True, exist_ok=True)
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> Run:
        """Opens a run folder to go on with it.

        Raises:
            RunError: it is not one, or another process works in it.
        """
        check_is_run(path)
        return cls(path)

    @property
    def elapsed(self) -> float:
        """Seconds that were worked on this run, interruptions not counted."""
        return self._before + time.perf_counter() - self._started

    def deadline(self, elapsed: float) -> float:
        """The `time.perf_counter` at which `elapsed` will have that value."""
        return self._started + elapsed - self._before

    def add_elapsed(self, seconds: float) -> None:
        """Counts time that was spent on the run before its folder was made."""
        self._before += seconds

    def tick(self) -> None:
        """Writes the elapsed time down now and then, so that a killed run knows how much of its budget is spent."""
        if time.perf_counter() - self._saved >= SAVE_STATE_SECONDS:
            self.save_state()

    def save_state(self, **values: Any) -> None:
        """Writes these values, and the elapsed time, to the run's state."""
        self.state |= {**values, "elapsed": self.elapsed}
        _files.write_json(self.path / STATE, self.state)
        self._saved = time.perf_counter()

    def trial(self, name: str) -> Path:
        """The folder of a trial: `"0007"`, `"0007-seed1"` or `"final"`."""
        return self.path / "trials" / name

    def close(self) -> None:
        """Lets other processes have the folder."""
        self._lock.close()


def check_is_run(path: Path) -> None:
    """Refuses a folder that no study was begun in.

    Raises:
        RunError: it is not a run.
    """
    if not path.exists():
        near = sorted(str(p.parent) for p in path.parent.glob(f"*/{STUDY}"))[:5] if path.parent.is_dir() else []
        there = f" Runs there: {', '.join(near)}." if near else ""
        raise RunError(f"There is no run {path}.{there}")
    if not (path / STUDY).exists():
        raise RunError(f"{path} is not a run of mapsto: it has no {STUDY}. A run is a folder given by `--out`.")


def run_path(name: str, overwrite: bool) -> Path:
    """`runs/<name>`, the suffix left out; unless it may be overwritten, the first of `-2`, `-3`, ... that is free."""
    stem = re.sub(r"[^\w.-]+", "-", Path(name).stem).strip("-.") or "study"
    if overwrite:
        return Path("runs") / stem
    for number in itertools.count(1):
        path = Path("runs") / (stem if number == 1 else f"{stem}-{number}")
        if not path.exists():
            return path
    raise AssertionError("itertools.count has no end")


def _locked(path: Path) -> IO[bytes]:
    with _files.explained(path):
        lock = (path / ".lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise RunError(
            f"Another process is working in {path}. Wait for it, or stop it, and then resume; both at once would mix "
            f"their results (this process is {os.getpid()})."
        ) from None
    return lock
