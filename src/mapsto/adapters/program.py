"""A running program: its output as lines, its log, its end."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from mapsto.adapters import _guard
from mapsto.adapters.reporting import STOP

CHUNK = 2**16
MAX_LINE = 2**16
"""Bytes of a line that are kept; a longer one is cut, for a report is short."""

MAX_LOG = 16 * 2**20
"""Bytes of output that the log holds; a program that says more is heard all the same."""

TAIL = 20
"""Last lines of its errors that are kept to say why a program failed."""

LEFT_BEHIND_SECONDS = 1.0
"""How long the output is read after the program's end, where processes that it left behind hold it open."""


class Lines:
    """Bytes to lines, at most `MAX_LINE` long, ended by a line feed or a carriage return (as of a progress bar)."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that are complete now; an empty chunk completes the last one."""
        first, *others = chunk.replace(b"\r", b"\n").split(b"\n")
        if len(self._rest) < MAX_LINE:
            self._rest += first
        if not chunk:
            others = [b""]
        *whole, self._rest = [self._rest, *others]
        return [line[:MAX_LINE].decode("utf-8", "replace") for line in whole if line]


class Program:
    """A command that runs in a group of its own; all of the group is gone when the `with` block ends.

    The group is gone too when this process is killed, however that happens; see `mapsto.adapters._guard`. Only what has
    left the group by making a session of its own stays.

    Args:
        words: the program and its arguments.
        variables: its environment.
        log: the file that its output is copied to, standard output and errors as they come.
        report: the file that it may append reports to.

    Attributes:
        status: its exit status, negative for a signal; None while it runs.
        last_errors: the last lines of its standard error.
    """

    def __init__(self, words: list[str], variables: Mapping[str, str], log: Path, report: Path) -> None:
        self.status: int | None = None
        self.last_errors: deque[str] = deque(maxlen=TAIL)
        self._stop = Path(f"{report}{STOP}")
        self._stop.unlink(missing_ok=True)
        report.write_bytes(b"")
        self._report, self._log = report.open("rb"), log.open("wb")
        self._logged, self._ended, self._more_reports = 0, 0.0, False
        self._lifeline, other = socket.socketpair()
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", _guard.__file__, str(other.fileno()), *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(variables),
                pass_fds=[other.fileno()],
                start_new_session=True,
            )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._output, self._errors = self._process.stdout, self._process.stderr
        self._lines = {stream: Lines() for stream in (self._output, self._errors, self._report)}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ, self._read_output)
        self._selector.register(self._errors, selectors.EVENT_READ, self._read_errors)
        self._selector.register(self._lifeline, selectors.EVENT_READ, self._read_status)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lifeline.close()  # the guard kills the group
        self._process.wait()
        self._selector.close()
        for stream in (self._output, self._errors, self._report, self._log):
            stream.close()

    @property
    def is_over(self) -> bool:
        """Whether it has ended and all of its output has been read."""
        if self.status is None or self._more_reports:
            return False
        open_streams = [key for key in self._selector.get_map().values() if key.fileobj is not self._lifeline]
        return not open_streams or time.monotonic() - self._ended > LEFT_BEHIND_SECONDS

    @property
    def reports_by_file(self) -> bool:
        """Whether it has appended to the file of reports, and so may look for a word to stop."""
        return self._report.tell() > 0

    def read(self, seconds: float) -> list[str]:
        """New lines of standard output and reports; waits for at most so long where there are none."""
        found: list[str] = []
        for key, _ in self._selector.select(seconds):
            found += key.data()
        return [*found, *self._new_reports()]

    def ask_to_stop(self) -> None:
        """Tells a program that looks for it to come to its end."""
        self._stop.touch()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to all of its processes; the guard alone heeds none but SIGKILL."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def _new_reports(self) -> list[str]:
        chunk, lines = self._report.read(CHUNK), self._lines[self._report]
        self._more_reports = len(chunk) == CHUNK
        found = lines.feed(chunk) if chunk else []
        is_last = self.status is not None and not self._more_reports
        return [*found, *lines.feed(b"")] if is_last else found

    def _read_status(self) -> list[str]:
        text = self._lifeline.recv(64)
        self._selector.unregister(self._lifeline)
        self.status = int(text) if text else -signal.SIGKILL  # the guard was killed with the rest
        self._ended = time.monotonic()
        return []

    def _read_output(self) -> list[str]:
        return self._read_pipe(self._output)

    def _read_errors(self) -> list[str]:
        self.last_errors.extend(line[:500] for line in self._read_pipe(self._errors))
        return []

    def _read_pipe(self, pipe: IO[bytes]) -> list[str]:
        chunk = os.read(pipe.fileno(), CHUNK)
        if not chunk:
            self._selector.unregister(pipe)
        self._write_log(chunk)
        return self._lines[pipe].feed(chunk)

    def _write_log(self, chunk: bytes) -> None:
        kept = chunk[: max(0, MAX_LOG - self._logged)]
        self._log.write(kept)
        self._log.flush()
        self._logged += len(kept)
        if len(kept) < len(chunk) and self._logged == MAX_LOG:
            self._log.write(b"\n... what came after is not kept here.\n")
            self._logged += 1
