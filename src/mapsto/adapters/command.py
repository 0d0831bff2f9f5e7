"""One trial of any program: settings in by its command line or its environment, numbers out by its lines.

What a program reads, besides the places of its command line (`Template`):

| variable | |
| --- | --- |
| `MAPSTO_<NAME>` | a setting; dots are underscores, all in upper case |
| `MAPSTO_SETTINGS` | all settings as one JSON object, numbers as numbers |
| `MAPSTO_TRIAL`, `MAPSTO_SEED` | the trial's number, and its seed in [0, 2³¹) |
| `MAPSTO_FOLDER` | a folder for whatever it writes, its own |
| `MAPSTO_REPORT` | a file that reports may be appended to as JSON lines; `mapsto.adapters.reporting` does it |

What it says is read from its standard output and from that file by the grammar of `mapsto.adapters.reports`. It ends
with an exit status, at a time limit, or when others do better.
"""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Literal

from mapsto import _files
from mapsto.adapters.free_space import FreeSpace
from mapsto.adapters.program import Program
from mapsto.adapters.reports import Reports
from mapsto.adapters.template import Template, environment
from mapsto.recipe.scalars import Scalar

LOG, REPORT = "log.txt", "report.jsonl"
POLL_SECONDS = 0.05
GRACE_SECONDS = 5.0
"""From each kind word to the next harder one: a word to stop, SIGTERM, SIGKILL."""

Points = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class CommandResult:
    """What became of one trial of a program.

    Attributes:
        state: complete (status 0 and a value), pruned (`should_stop` said so), stopped (the time was up, or it was
            canceled), failed.
        cause: why it ended, in words.
        points: steps, increasing, and the metric's values there.
        values: the last finite value of every name that was reported; the metric's is the trial's score.
        seconds: how long it ran.
    """

    state: Literal["complete", "pruned", "stopped", "failed"]
    cause: str
    points: tuple[tuple[int, float], ...] = ()
    values: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0


def run_command(
    template: str | Template,
    settings: Mapping[str, Scalar],
    folder: Path,
    *,
    metric: str,
    seed: int = 0,
    trial: int = 0,
    time_limit: float | None = None,
    should_stop: Callable[[Points], bool] | None = None,
    cancel: Event | None = None,
    env: Mapping[str, str] | None = None,
) -> CommandResult:
    """Runs a program with these settings, in the current folder, until it ends or is ended.

    It is ended gently: SIGTERM to all of its processes, and SIGKILL five seconds later. A program that reports by
    `report_values` is told first, and has five seconds to come to its end. Points that it reports after the decision do
    not count, so that a trial ends with the same points however fast it is stopped.

    Args:
        template: the command line.
        settings: those that have a value in this trial.
        folder: the trial's; gets its output as `log.txt`.
        metric: the name of what is optimized, as the program says it.
        seed: what the program should draw all its randomness from.
        trial: its number.
        time_limit: seconds; None: as long as it takes.
        should_stop: asked after each new point, with all of them; true: the trial is not worth going on.
        cancel: set by another thread: the program is ended at once.
        env: the environment; None: that of this process.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     result = run_command("echo accuracy={x}", {"x": 0.5}, Path(folder), metric="accuracy")
        >>> result.state, result.values
        ('complete', {'accuracy': 0.5})

    Raises:
        RecipeError: the command line does not fit the settings, or there is no such program.
    """
    if isinstance(template, str):
        template = Template.read(template, FreeSpace(settings))
    variables = dict(os.environ if env is None else env)
    template.check_program(variables.get("PATH"))
    reports = Reports(metric)
    folder = folder.resolve()
    with _files.explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    words = template.words({**settings, "seed": seed, "trial": trial, "folder": str(folder)})
    variables |= environment(settings, seed=seed, trial=trial, folder=folder, report=folder / REPORT)
    started = time.monotonic()
    ending: _Ending | None = None
    with Program(words, variables, folder / LOG, folder / REPORT) as program:
        while not program.is_over:
            for line in program.read(POLL_SECONDS):
                if ending is None and reports.read(line) and should_stop is not None and should_stop(reports.points):
                    ending = _Ending("pruned", "others did better", gently=program.reports_by_file)
            seconds = time.monotonic() - started
            if ending is None and program.status is None:
                ending = _reason_to_end(seconds, time_limit, cancel)
            if ending is not None:
                ending.press(program)
    state, cause = (ending.state, ending.cause) if ending is not None else _judged(program, reports)
    return CommandResult(state, cause, tuple(reports.points), _values(reports), time.monotonic() - started)


class _Ending:
    """A decision to end a program, and how far it was carried out."""

    def __init__(self, state: Literal["pruned", "stopped"], cause: str, *, gently: bool = False) -> None:
        self.state, self.cause = state, cause
        self._steps = [*([Program.ask_to_stop] if gently else []), _terminate, _kill]
        self._next = 0.0

    def press(self, program: Program) -> None:
        """Takes the next step when it is time for it."""
        if self._steps and program.status is None and time.monotonic() >= self._next:
            self._steps.pop(0)(program)
            self._next = time.monotonic() + GRACE_SECONDS


def _terminate(program: Program) -> None:
    program.signal(signal.SIGTERM)


def _kill(program: Program) -> None:
    program.signal(signal.SIGKILL)


def _reason_to_end(seconds: float, time_limit: float | None, cancel: Event | None) -> _Ending | None:
    if cancel is not None and cancel.is_set():
        return _Ending("stopped", "it was canceled")
    if time_limit is not None and seconds >= time_limit:
        return _Ending("stopped", f"the time was up after {time_limit:.3g} s")
    return None


def _judged(program: Program, reports: Reports) -> tuple[Literal["complete", "failed"], str]:
    """What became of a program that ended by itself."""
    if program.status:
        last = " ".join(program.last_errors).strip()[-1000:]
        return "failed", f"{_status_text(program.status)}{f': {last}' if last else ''}"
    if reports.value is None:
        return "failed", reports.silence()
    if not math.isfinite(reports.value):
        return "failed", f"its last {reports.metric} was {reports.value}"
    return "complete", "it ended"


def _status_text(status: int) -> str:
    if status == -signal.SIGKILL:
        return "it was killed (SIGKILL), perhaps since the memory was full"
    name = signal.Signals(-status).name if -status in {*signal.Signals} else f"signal {-status}"
    return f"it ended by {name}" if status < 0 else f"it ended with status {status}"


def _values(reports: Reports) -> dict[str, float]:
    """The last values; without the metric where that is not finite, for it is no score then."""
    diverged = reports.value is not None and not math.isfinite(reports.value)
    return {name: value for name, value in reports.values.items() if not (diverged and name == reports.metric)}
