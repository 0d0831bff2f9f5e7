"""Optuna's journal for the one process that holds the run: what an operation writes reaches the disk at once.

Optuna's own backend writes each value of a trial by itself and waits for the disk each time, and then reads the file to
learn what it has just written: twenty waits for a trial of twenty epochs. The lines are the same here, so any program
of Optuna reads the file.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto import _files

if TYPE_CHECKING:
    import optuna
    from optuna.storages.journal import JournalFileBackend


class Journal:
    """A backend as `optuna.storages.JournalStorage` wants it. Nobody else may write to the file meanwhile.

    Args:
        path: of the journal.
        file: Optuna's backend for that path, which reads and writes the lines.
    """

    def __init__(self, path: Path, file: JournalFileBackend) -> None:
        self._path, self._file = path, file
        self._is_read = self._is_gathering = False
        self._unread: list[dict[str, Any]] = []
        self._unwritten: list[dict[str, Any]] = []

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """The whole file the first time, and then what was added."""
        if not self._is_read:
            self._is_read = True
            return self._file.read_logs(log_number_from)
        unread, self._unread = self._unread, []
        return unread

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Adds lines: at once, or when the operation ends that they belong to."""
        self._unread += logs
        self._unwritten += logs
        if not self._is_gathering:
            self._write()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Until the block ends, lines wait. Those that could not be written then wait for the next block."""
        self._is_gathering = True
        try:
            yield
        finally:
            self._is_gathering = False
        self._write()

    def _write(self) -> None:
        """Writes all lines or none.

        Raises:
            DiskFull: there was no space; they can be written later.
            RunError: the journal cannot be written.
        """
        if not self._unwritten:
            return
        size = self._path.stat().st_size
        with _files.explained(self._path):
            try:
                self._file.append_logs(self._unwritten)
            except OSError:
                with contextlib.suppress(OSError):
                    os.truncate(self._path, size)
                raise
        self._unwritten = []


def together(study: optuna.Study) -> AbstractContextManager[None]:
    """What is written to the study inside the block is written together, where its storage can."""
    backend = getattr(study._storage, "_backend", None)
    return backend.together() if isinstance(backend, Journal) else nullcontext()
