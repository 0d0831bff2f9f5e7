from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.console import Console

from mapsto.cli import _progress
from mapsto.cli._board import Board
from mapsto.search.progress import Progress

STUDY = Progress(phase="explore", budget=60.0, elapsed=20.0, objective="accuracy", percent=True, run="runs/digits")


def trials() -> Iterator[Progress]:
    """Two trials that end, and one under way that leads."""
    yield Progress(phase="prepare", message="reading the data")
    first = replace(STUDY, trial=0, epoch=30, max_epochs=30, score=0.95, state="complete", finished=1)
    yield replace(first, best=0.95, best_trial=0)
    second = replace(STUDY, trial=1, epoch=4, max_epochs=30, score=0.81, state="pruned", finished=1, pruned=1)
    yield replace(second, best=0.95, best_trial=0, chosen={"optimizer.learning_rate": 0.1})
    third = replace(
        STUDY, trial=2, epoch=11, max_epochs=30, step=5, steps_per_epoch=9, score=0.97, finished=1, pruned=1
    )
    yield replace(third, best=0.95, best_trial=0, chosen={"optimizer.name": "adam", "model.dropout": 0.25})


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def board() -> Board:
    board = Board()
    for progress in trials():
        board.see(progress)
    return board


def test_a_running_trial_can_lead(board: Board):
    assert [(row.trial, row.state) for row in board.leaders(5)] == [(2, "running"), (0, "complete"), (1, "pruned")]
    assert board.best == (0.97, 2)


def test_lower_is_better_where_the_objective_says_so(board: Board):
    board.see(replace(board.latest, direction="minimize", best=0.95))
    assert [row.trial for row in board.leaders(5)] == [1, 0, 2]
    assert board.best == (0.81, 1)


def test_a_leader_of_an_earlier_sitting_counts():
    board = Board()
    board.see(replace(STUDY, trial=7, score=0.9, best=0.99, best_trial=3))
    assert board.best == (0.99, 3)


def test_confirming_runs_are_no_trials_of_their_own(board: Board):
    board.see(replace(STUDY, phase="confirm", trial=0, score=0.99))
    assert board.rows[0].score == 0.95


def test_a_trial_keeps_its_best_score_between_measurements(board: Board):
    board.see(replace(STUDY, trial=2, score=None))
    assert board.rows[2].score == 0.97


@pytest.mark.parametrize(
    ("progress", "share", "left"),
    [
        (STUDY, 1 / 3, "0:40 left of 1:00"),
        (replace(STUDY, elapsed=75.0), 1.0, "0:00 left of 1:00"),
        (replace(STUDY, budget=None, n_trials=10, finished=2), 0.2, "about 1:20 of exploring left"),
        (replace(STUDY, budget=None, elapsed=3700.0), None, "1:01:40 so far"),
    ],
)
def test_time_left(progress: Progress, share: float | None, left: str):
    board = Board()
    board.see(progress)
    assert board.share == pytest.approx(share, abs=0.01)
    assert board.time_left == left


def test_the_display_shows_time_best_trial_epoch_and_leaders(board: Board):
    console = Console(file=io.StringIO(), width=100)
    console.print(_progress.draw(board))
    shown = printed(console)
    assert "0:40 left of 1:00" in shown
    assert "accuracy 97.00%  on the validation part, trial 2" in shown
    assert "trial 2  epoch 12/30  step 5/9  97.00%" in shown
    assert "2: 1 complete, 1 stopped early" in shown
    rows = [line.split()[:3] for line in shown.split("\n") if "/30 " in line and "step" not in line]
    assert rows == [["2", "97.00%", "11/30"], ["0", "95.00%", "30/30"], ["1", "81.00%", "4/30"]]
    assert "optimizer adam · dropout 0.25" in shown


def test_the_display_stands_in_a_narrow_terminal(board: Board):
    console = Console(file=io.StringIO(), width=40)
    console.print(_progress.draw(board))
    assert max(len(line.rstrip()) for line in printed(console).split("\n")) <= 40


def test_without_a_terminal_each_trial_is_a_line():
    console = Console(file=io.StringIO(), width=40)
    with _progress.shown(console, live=False) as listener:
        for progress in trials():
            listener(progress)
    assert printed(console).split("\n") == [
        "prepare",
        "  reading the data",
        "explore",
        "  trial 0 complete, accuracy 95.00%, best 95.00% (trial 0), 30 of 30 epochs, 0:40 left of 1:00",
        "  trial 1 stopped early, accuracy 81.00%, best 95.00% (trial 0), 4 of 30 epochs, 0:40 left of 1:00",
        "",
    ]


def test_the_live_display_leaves_only_its_messages_behind():
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with _progress.shown(console, live=True) as listener:
        listener(replace(STUDY, trial=3, message="0003: the loss became infinite"))
    assert "0003: the loss became infinite" in printed(console)
    assert printed(console).endswith("\x1b[2K")
