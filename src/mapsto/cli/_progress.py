"""A study while it runs: a live display on a terminal, plain lines anywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mapsto.cli._board import Board, Row, choices
from mapsto.search.progress import PHASES, Listener, Progress

REFRESHES_PER_SECOND = 4
"""Often enough to look alive; drawing takes a few milliseconds that the training could use."""
LEADERS = 5
STATES = {
    "running": ("training", "cyan"),
    "complete": ("complete", "green"),
    "stopped": ("time was up", "yellow"),
    "pruned": ("stopped early", "dim"),
    "infeasible": ("beyond a limit", "dim"),
    "failed": ("failed", "red"),
}


@contextmanager
def shown(console: Console, *, live: bool) -> Iterator[Listener]:
    """Shows a study on the console until the block ends; hands out the listener to give to it."""
    if not live:
        yield Lines(console)
        return
    board = Board()
    with Live(
        console=console,
        get_renderable=lambda: draw(board),
        refresh_per_second=REFRESHES_PER_SECOND,
        transient=True,
    ):

        def listener(progress: Progress) -> None:
            if progress.message and progress.trial is not None:  # what became of a trial stays on the screen
                console.print(Text(progress.message, style="yellow"))
            board.see(progress)

        yield listener


class Lines:
    """Plain lines: one when a phase begins, one when a trial ends, and every message."""

    def __init__(self, console: Console) -> None:
        self._console, self._board = console, Board()
        self._phase: str | None = None

    def __call__(self, progress: Progress) -> None:
        """Prints what the snapshot says that is new."""
        self._board.see(progress)
        if progress.phase != self._phase:
            self._phase = progress.phase
            self._print(progress.phase)
        if progress.message:
            self._print(f"  {progress.message}")
        if progress.state is not None:
            self._print(f"  {self._end_of_trial(progress)}")

    def _print(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)

    def _end_of_trial(self, progress: Progress) -> str:
        words = [f"trial {progress.trial} {STATES[str(progress.state)][0]}"]
        if progress.score is not None:
            words.append(f"{progress.objective} {self._board.text_of(progress.score)}")
        if self._board.best is not None:
            score, trial = self._board.best
            words.append(f"best {self._board.text_of(score)} (trial {trial})")
        words += [f"{progress.epoch} of {progress.max_epochs} epochs", self._board.time_left]
        return ", ".join(words)


def draw(board: Board) -> RenderableType:
    """The live display: time, phases, the best so far, the trial that is being trained, the leading trials."""
    parts: list[RenderableType] = [_time(board), _phases(board), Text(), _now(board)]
    leaders = board.leaders(LEADERS)
    if leaders:
        parts += [Text(), _table(board, leaders)]
    return Padding(Group(*parts), (1, 2))


def _time(board: Board) -> RenderableType:
    grid = Table.grid(expand=True, padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1)
    grid.add_column(justify="right", no_wrap=True)
    share = board.share
    bar = ProgressBar(
        total=1.0, completed=share or 0.0, pulse=share is None, animation_time=board.elapsed, complete_style="cyan"
    )
    grid.add_row(Text(board.latest.run or "mapsto", style="bold"), bar, Text(board.time_left))
    return grid


def _phases(board: Board) -> Text:
    """The phases in order: those that are over, the one at work, those to come."""
    at = PHASES.index(board.latest.phase)
    text = Text()
    for index, phase in enumerate(PHASES):
        mark, style = ("✓", "green") if index < at else ("●", "bold cyan") if index == at else ("○", "dim")
        text.append(f"{mark} {phase}", style=style)
        text.append("   ")
    return text


def _now(board: Board) -> RenderableType:
    latest = board.latest
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    if board.best is not None:
        score, trial = board.best
        words = Text.assemble(
            (f"{latest.objective} {board.text_of(score)}", "bold green"), f"  on the validation part, trial {trial}"
        )
        grid.add_row("best", words)
    if latest.trial is not None and latest.state is None:
        grid.add_row("now", _training(board))
    elif latest.message:
        grid.add_row("now", Text(latest.message))
    if latest.ended:
        counts = [
            (latest.finished, "complete"),
            (latest.pruned, "stopped early"),
            (latest.infeasible, "beyond a limit"),
            (latest.failed, "failed"),
        ]
        of = f" of {latest.n_trials}" if latest.n_trials else ""
        ended = ", ".join(f"{count} {word}" for count, word in counts if count)
        grid.add_row("trials", f"{latest.ended}{of}: {ended}")
    return grid


def _training(board: Board) -> Text:
    latest = board.latest
    text = Text(f"trial {latest.trial}  epoch {min(latest.epoch + 1, latest.max_epochs)}/{latest.max_epochs}")
    text.append(f"  step {latest.step}/{latest.steps_per_epoch}", style="dim")
    if latest.score is not None:
        text.append(f"  {board.text_of(latest.score)}")
    return text


def _table(board: Board, rows: list[Row]) -> Text:
    """The leading trials, a line each; set by hand, which takes a tenth of the time of a rich table."""
    scores = [board.text_of(row.score) for row in rows]
    epochs = [f"{row.epoch}/{row.max_epochs}" for row in rows]
    objective = max(map(len, [board.latest.objective, *scores]))
    length = max(map(len, ["epochs", *epochs]))
    heading = f"trial  {board.latest.objective:>{objective}}  {'epochs':>{length}}  {'state':<13}  chosen"
    text = Text(no_wrap=True, overflow="ellipsis").append(heading, style="dim")
    for row, score, epoch in zip(rows, scores, epochs, strict=True):
        word, style = STATES[row.state]
        text.append(f"\n{row.trial:>5}  {score:>{objective}}  {epoch:>{length}}  ")
        text.append(f"{word:<13}", style=style)
        text.append(f"  {choices(row.chosen)}", style="dim" if row.state == "pruned" else "")
    return text
