"""The study of a program on a terminal: what `mapsto tune --command` and `mapsto resume` do with one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mapsto._messages import count
from mapsto.adapters.free_space import FreeSpace
from mapsto.cli import _listing
from mapsto.cli._board import choices, clock
from mapsto.report.format import number, setting
from mapsto.search.command_study import resume_command, tune_command, tune_sweep

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from mapsto.cli._terminal import Terminal
    from mapsto.search.command_result import CommandStudyResult, Finalist

ROWS = 10
VERDICTS = {
    "better": "better than the settings to start with",
    "not distinguishable": "not distinguishable from the settings to start with",
    "default is best": "the settings to start with are the best",
}


def tune(
    terminal: Terminal, command: str, settings: Iterable[str], *, start: Iterable[str] | None = None, **options: Any
) -> None:
    """Runs a study of a program and prints its answer; `options` are those of `tune_command`."""
    first = FreeSpace.from_settings(start or ()).settings
    with terminal.study() as listener:
        result = tune_command(command, settings, listener=listener, start=first, **options)
    answer(terminal, result)


def sweep(terminal: Terminal, path: Path, *, start: Iterable[str] | None = None, **options: Any) -> None:
    """Runs a sweep of Weights & Biases and prints its answer; `options` are those of `tune_command`."""
    first = FreeSpace.from_settings(start or ()).settings
    with terminal.study() as listener:
        result = tune_sweep(path, listener=listener, start=first, **options)
    answer(terminal, result)


def resume(terminal: Terminal, run: str, **options: Any) -> None:
    """Goes on with one; `options` are those of `resume_command`."""
    with terminal.study() as listener:
        result = resume_command(run, listener=listener, **options)
    answer(terminal, result)


def answer(terminal: Terminal, result: CommandStudyResult) -> None:
    """Prints what came of a study of a program."""
    winner, metric = result.winner, result.definition.metric
    line = f"{result.folder}: {metric} {number(winner.mean)}{_of_runs(winner)}: {choices(winner.settings)}"
    terminal.answer(result.to_json(), line=line, show=lambda console: _show(console, result))


def _show(console: Console, result: CommandStudyResult) -> None:
    winner, metric = result.winner, result.definition.metric
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row(
        "winner", Text(f"trial {winner.number}", style="bold").append(f"  {choices(winner.settings)}", "not bold")
    )
    facts.add_row(metric, f"{number(winner.mean)}{_of_runs(winner)}")
    if result.verdict:
        facts.add_row("verdict", VERDICTS[result.verdict])
    states = [outcome.state for outcome in result.trials]
    words = {"complete": "complete", "stopped": "cut by time", "pruned": "stopped early", "failed": "failed"}
    counts = ", ".join(f"{states.count(state)} {word}" for state, word in words.items() if state in states)
    facts.add_row("trials", f"{len(states)}: {counts} · {clock(result.seconds)}")
    facts.add_row("run it", Text(result.line, style="cyan"))
    facts.add_row("results", Text(str(result.folder / "results.json"), style="cyan"))
    console.print(Padding(facts, (1, 2, 0, 2)))
    _listing.show(console, [_row(finalist, metric) for finalist in result.finalists[:ROWS]])


def _row(finalist: Finalist, metric: str) -> dict[str, Any]:
    """A finalist as a row of the table: its scores before its settings."""
    again = {"again": f"{number(finalist.mean)}{_of_runs(finalist)}"} if finalist.scores else {}
    values = {name: setting(value) for name, value in finalist.settings.items()}
    return {"trial": finalist.number, metric: number(finalist.explored_score), **again, **values}


def _of_runs(finalist: Finalist) -> str:
    if not finalist.scores:
        return ""
    low, high, runs = min(finalist.scores), max(finalist.scores), count(len(finalist.scores), "run")
    return f", mean of {runs} from {number(low)} to {number(high)}" if len(finalist.scores) > 1 else f" in {runs} more"
