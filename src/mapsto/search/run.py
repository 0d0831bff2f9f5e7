"""The run folder: who may write it, and where things lie in it."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import re
import shutil
import threading
import time
from pathlib import Path
from typing import IO, Any

from mapsto import _files
from mapsto.errors import DiskFull, RunError

STUDY, JOURNAL, STATE, RESULTS, REPORT = "study.yaml", "study.journal", "state.json", "results.json", "report.html"
AUDIT = "audit.json"
OWN = {
    STUDY,
    JOURNAL,
    STATE,
    RESULTS,
    REPORT,
    AUDIT,
    "environment.json",
    "data",
    "trials",
    "best",
    "evaluation",
    "ensemble",
    "tensorboard",
    "workers",
}
"""What a run writes into its folder, besides pages and hidden files."""

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
        self._replaced: Path | None = None
        self._is_new = False
        self._saving = threading.Lock()

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
            _check_may_be_replaced(path)
            cls(path).close()  # refuses if another process works in it
            replaced = path.with_name(f".{path.name}.{os.getpid()}.old")
            with _files.explained(path):
                path.rename(replaced)
        else:
            replaced = None
        with _files.explained(path):
            path.mkdir(parents=True, exist_ok=True)
        run = cls(path)
        run._replaced, run._is_new = replaced, True
        return run

    def accept(self) -> None:
        """Nothing that was given is to be refused any more: a run that this one replaces is removed for good."""
        self._is_new = False
        if self._replaced is not None:
            shutil.rmtree(self._replaced, ignore_errors=True)
            self._replaced = None

    def withdraw(self, error: BaseException) -> None:
        """What was given was refused: the folder is removed, and a run that it was to replace is put back.

        Once it was accepted, the folder stays; and after Ctrl-C too, unless another run was to be replaced.
        """
        if not self._is_new or (self._replaced is None and not isinstance(error, Exception)):
            return
        self.close()
        shutil.rmtree(self.path, ignore_errors=True)
        if self._replaced is not None:
            self._replaced.rename(self.path)

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
        """Writes the elapsed time down now and then, so that a killed run knows how much of its budget is spent.

        Where the disk is full, the next one writes it.
        """
        if time.perf_counter() - self._saved >= SAVE_STATE_SECONDS:
            with contextlib.suppress(DiskFull):
                self.save_state()

    def save_state(self, **values: Any) -> None:
        """Writes these values, and the elapsed time, to the run's state."""
        with self._saving:
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
    path = Path("runs") / (re.sub(r"[^\w.-]+", "-", Path(name).stem).strip("-.") or "study")
    return path if overwrite else free_path(path)


def free_path(path: Path) -> Path:
    """The path, or the first of `<path>-2`, `<path>-3`, ... that is not there yet."""
    numbered = (path.with_name(f"{path.name}-{number}") for number in itertools.count(2))
    return next(candidate for candidate in itertools.chain([path], numbered) if not candidate.exists())


def _check_may_be_replaced(path: Path) -> None:
    """Refuses to replace what is no run, and a run with files that are not of its own making."""
    if not (path / STUDY).exists() or not (path / STATE).exists():
        raise RunError(f"{path} is not a run of mapsto, so `--overwrite` does not touch it. Choose another `--out`.")
    strange = sorted(
        entry.name
        for entry in path.iterdir()
        if entry.name not in OWN and entry.suffix != ".html" and not entry.name.startswith(".")
    )
    if strange:
        raise RunError(
            f"{path} holds files that are no part of the run ({', '.join(strange[:5])}), so `--overwrite` does not "
            f"touch it. Move them elsewhere, or choose another `--out`."
        )


def _locked(path: Path) -> IO[str]:
    with _files.explained(path):
        lock = (path / ".lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read(20).strip()
        lock.close()
        raise RunError(
            f"Another process{f' ({holder})' if holder else ''} is working in {path}. Wait for it, or stop it, and "
            f"then resume; both at once would mix their results."
        ) from None
    with _files.explained(path):
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
    return lock
