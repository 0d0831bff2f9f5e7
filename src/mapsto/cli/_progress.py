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

from mapsto.cli._board import Board, Row, choices, has_changed
from mapsto.search.progress import PHASES, Listener, PlanView, Progress

REFRESHES_PER_SECOND = 4
"""Often enough to look alive; drawing takes a few milliseconds that the training could use."""
LEADERS, AT_WORK = 5, 8
"""Lines for the leading trials, and at most for those that are being trained."""
STATES = {
    "running": ("training", "cyan"),
    "complete": ("complete", "green"),
    "stopped": ("time was up", "yellow"),
    "pruned": ("stopped early", "dim"),
    "infeasible": ("beyond a limit", "yellow"),
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
    """Plain lines: one when a phase begins, one when a trial ends, every message, and the plan when it changes."""

    def __init__(self, console: Console) -> None:
        self._console, self._board = console, Board()
        self._phase: str | None = None
        self._plan: PlanView | None = None

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
        plan = progress.plan
        if plan is not None and progress.phase == "explore" and (self._plan is None or has_changed(self._plan, plan)):
            self._plan = plan
            self._print(f"  plan: {self._board.plan_text}")

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
    """The live display: time, phases, what is known so far, the trials that are being trained and those that lead."""
    parts: list[RenderableType] = [_time(board), _phases(board), Text(), _facts(board)]
    at_work = board.at_work()
    leaders = [row for row in board.leaders(LEADERS + len(at_work)) if row.state != "running"][:LEADERS]
    if at_work or leaders:
        parts += [Text(), _table(board, at_work, leaders)]
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
        text.append("  ")
    return text


def _facts(board: Board) -> RenderableType:
    """The best so far, how many trials there were, how the budget will be used."""
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
    if latest.ended:
        grid.add_row("trials", _counts(latest))
    if board.plan_text:
        grid.add_row("plan", Text(board.plan_text))
    if latest.message and not board.running:
        grid.add_row("now", Text(latest.message))
    return grid


def _counts(latest: Progress) -> str:
    counts = [
        (latest.finished, "complete"),
        (latest.pruned, "stopped early"),
        (latest.failed, "failed"),
        (latest.infeasible, "infeasible"),
    ]
    of = f" of {latest.n_trials}" if latest.n_trials else ""
    workers = f"; {latest.workers} workers" if latest.workers > 1 else ""
    return f"{latest.ended}{of}: {', '.join(f'{count} {word}' for count, word in counts if count)}{workers}"


def _table(board: Board, at_work: list[Row], leaders: list[Row]) -> Text:
    """Trials, a line each, those at work first; set by hand, which takes a tenth of the time of a rich table."""
    rows = [*at_work[:AT_WORK], *leaders]
    scores = [board.text_of(row.score) for row in rows]
    epochs = [f"{row.epoch}/{row.max_epochs}" for row in rows]
    objective = max(map(len, [board.latest.objective, *scores]))
    length = max(map(len, ["epochs", *epochs]))
    heading = f"  trial  {board.latest.objective:>{objective}}  {'epochs':>{length}}  {'state':<16}  chosen"
    text = Text(no_wrap=True, overflow="ellipsis").append(heading, style="dim")
    for index, (row, score, epoch) in enumerate(zip(rows, scores, epochs, strict=True)):
        is_at_work = index < len(rows) - len(leaders)
        word, style = _state(board, row) if is_at_work else STATES[row.state]
        text.append("\n▸ " if is_at_work else "\n  ", style="bold cyan")
        text.append(f"{row.trial:>5}  {score:>{objective}}  {epoch:>{length}}  ")
        text.append(f"{word:<16}", style=style)
        text.append(f"  {choices(row.chosen)}", style="dim" if row.state == "pruned" else "")
        if is_at_work and index + 1 == AT_WORK < len(at_work):
            text.append(f"\n  and {len(at_work) - AT_WORK} more that are being trained", style="dim")
    return text


def _state(board: Board, row: Row) -> tuple[str, str]:
    """Where a trial at work is within its epoch, or for how long nothing was heard of it."""
    silence = board.silence(row)
    if silence:
        return f"silent for {silence:.0f} s", "yellow"
    return f"step {row.step}/{row.steps_per_epoch}", "cyan"
