"""Where a verb's words go: the answer to standard output, everything else to standard error.

Every verb does its work inside `with Terminal(...)`, which turns what goes wrong into one paragraph and a status:

| status | |
| --- | --- |
| 0 | the answer was printed |
| 1 | a fault of mapsto itself, or a check that did not pass |
| 2 | something that the user can mend: an error of `mapsto.errors`, a command line that cannot be read |
| 130, 143 | stopped by Ctrl-C, or by the system's request to end; `mapsto resume` goes on |
"""

from __future__ import annotations

import json
import logging
import math
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

import typer

from mapsto.errors import MapstoError

if TYPE_CHECKING:
    from rich.console import Console

    from mapsto.result import Result
    from mapsto.search.progress import Listener, Progress

LOGGER = logging.getLogger("mapsto")
FAULT, USER_ERROR, INTERRUPTED, TERMINATED = 1, 2, 130, 143


class Terminal:
    """Prints one verb's answer, and what goes wrong on the way to it.

    Args:
        as_json: the answer is one JSON document, and so is an error.
        quiet: nothing but the answer is printed, and that in its shortest form.
        debug: errors come with their traceback, and what is logged is shown.
    """

    def __init__(self, *, as_json: bool, quiet: bool, debug: bool) -> None:
        self.as_json, self.quiet, self.debug = as_json, quiet, debug
        self._run = ""
        self._log = logging.StreamHandler(sys.stderr) if debug else None

    def __enter__(self) -> Self:
        if self._log is not None:
            LOGGER.setLevel(logging.DEBUG)
            LOGGER.addHandler(self._log)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._log is not None:
            LOGGER.removeHandler(self._log)
            LOGGER.setLevel(logging.NOTSET)
        if error is None or isinstance(error, SystemExit | typer.Exit | typer.BadParameter | BrokenPipeError):
            return
        if isinstance(error, KeyboardInterrupt):
            stop = INTERRUPTED if not isinstance(error, _Terminated) else TERMINATED
            self._fail("Stopped", f"Stopped. {self._how_to_go_on()}".strip(), stop)
        if self.debug:
            traceback.print_exception(error)
        if isinstance(error, MapstoError):
            self._fail(type(error).__name__, str(error), USER_ERROR)
        hint = "" if self.debug else " The same command with `--debug` shows where."
        self._fail(type(error).__name__, f"A fault of mapsto: {type(error).__name__}: {error}.{hint}", FAULT)

    # -- the answer ----------------------------------------------------------------------------------------------

    def answer(self, document: Any, *, line: str, show: Callable[[Console], None] | None = None) -> None:
        """Prints the answer in the form that was asked for.

        Args:
            document: for `--json`; NaN and infinity become null.
            line: for `--quiet`; may have several lines.
            show: prints it for a person; the line is printed where there is none.
        """
        if self.as_json:
            typer.echo(json.dumps(_finite(document), indent=2, ensure_ascii=False, allow_nan=False, default=str))
        elif self.quiet or show is None:
            typer.echo(line)
        else:
            show(console(sys.stdout))

    def result(self, result: Result) -> None:
        """Prints the answer of a study."""
        from mapsto.cli import _answer  # here, since it needs rich

        summary = result.summary()
        document = {**summary, "run": str(result.run), "report": str(result.run / "report.html")}
        self.answer(
            document,
            line=_answer.result_line(summary, result.run),
            show=lambda console: _answer.show_result(console, summary, result.run),
        )

    def note(self, text: str) -> None:
        """Says something beside the answer, unless the answer alone was asked for."""
        if not (self.quiet or self.as_json):
            typer.echo(text, err=True)

    # -- progress ------------------------------------------------------------------------------------------------

    @contextmanager
    def study(self) -> Iterator[Listener | None]:
        """Shows a study while it runs: hands out a listener to give to it, or None if nothing is to be shown.

        A request of the system to end the process is treated as Ctrl-C is, so that the terminal is left in order.
        """
        before = signal.signal(signal.SIGTERM, _terminate)
        try:
            screen = console(sys.stderr)
            live = screen.is_terminal and not screen.is_dumb_terminal
            if self.quiet or (self.as_json and not live):
                yield self._remember
            else:
                from mapsto.cli import _progress  # here, since only a study needs it

                with _progress.shown(screen, live=live) as listener:

                    def both(progress: Progress) -> None:
                        self._remember(progress)
                        listener(progress)

                    yield both
        finally:
            signal.signal(signal.SIGTERM, before)

    def _remember(self, progress: Progress) -> None:
        self._run = progress.run

    # -- what goes wrong -----------------------------------------------------------------------------------------

    def _how_to_go_on(self) -> str:
        return f"What was finished is kept; `mapsto resume {self._run}` goes on." if self._run else ""

    def _fail(self, kind: str, message: str, status: int) -> NoReturn:
        if self.as_json:
            typer.echo(json.dumps({"error": message, "kind": kind}, indent=2, ensure_ascii=False))
        heading = typer.style("Error:", fg="red", bold=True) + " " if status in (FAULT, USER_ERROR) else ""
        typer.echo(f"{heading}{message}", err=True)
        raise typer.Exit(status)


class _Terminated(KeyboardInterrupt):
    """The system asked the process to end."""


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise _Terminated


def console(file: Any) -> Console:
    """A rich console on a stream, which knows by itself what the stream can show."""
    from rich.console import Console  # here, since `--help` and JSON answers do without it

    return Console(file=file, highlight=False)


def _finite(value: Any) -> Any:
    """The value with null for what JSON has no word for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
