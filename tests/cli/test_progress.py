from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.console import Console

from mapsto.cli import _board, _progress
from mapsto.cli._board import Board
from mapsto.search.progress import PlanView, Progress

STUDY = Progress(phase="explore", budget=60.0, elapsed=20.0, objective="accuracy", percent=True, run="runs/digits")
PLAN = PlanView(
    run_seconds=2.0, explore_until=36.0, confirm_runs=6, confirm_seconds=12.0, final_seconds=3.0, test_seconds=5.0
)


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
    assert "2: 1 complete, 1 stopped early" in shown
    assert "workers" not in shown
    rows = [line.split()[:5] for line in shown.split("\n") if "/30 " in line]
    assert rows == [
        ["▸", "2", "97.00%", "11/30", "step"],
        ["0", "95.00%", "30/30", "complete", "default"],
        ["1", "81.00%", "4/30", "stopped", "early"],
    ]
    assert "step 5/9          optimizer adam · dropout 0.25" in shown


def lines_of(board: Board) -> list[str]:
    console = Console(file=io.StringIO(), width=100)
    console.print(_progress.draw(board))
    return [line.strip() for line in printed(console).split("\n")]


def ticks(board: Board, *numbers: int, count: int = 3) -> None:
    """Ticks of several trials, as they come from several workers."""
    for epoch in range(count):
        for number in numbers:
            score = 0.9 + number / 1000 if epoch else None
            board.see(
                replace(
                    STUDY, trial=number, epoch=epoch, max_epochs=30, step=1, steps_per_epoch=9, score=score,
                    workers=len(numbers), plan=PLAN, finished=1, infeasible=2,
                )
            )  # fmt: skip


def test_every_trial_at_work_has_a_line():
    board = Board()
    ticks(board, 4, 6, 5)
    board.see(replace(STUDY, trial=6, epoch=30, max_epochs=30, score=0.99, state="complete", workers=3))
    ticks(board, 7, 4)
    assert [(row.trial, row.epoch, row.score) for row in board.at_work()] == [
        (4, 2, 0.904), (5, 2, 0.905), (7, 2, 0.907),
    ]  # fmt: skip
    trials = [line.split()[:3] for line in lines_of(board) if "/30 " in line]
    assert trials == [["▸", "4", "90.40%"], ["▸", "5", "90.50%"], ["▸", "7", "90.70%"], ["6", "99.00%", "30/30"]]


def test_what_is_at_work_is_shown_in_every_phase_and_forgotten_with_it():
    board = Board()
    ticks(board, 0, 1)
    board.see(replace(STUDY, phase="confirm", trial=1, epoch=2, max_epochs=30, score=0.5))
    assert [(row.trial, row.score) for row in board.at_work()] == [(1, 0.5)]
    board.see(replace(STUDY, phase="test"))
    assert board.at_work() == []


def test_many_trials_at_work_are_counted():
    board = Board()
    ticks(board, *range(20))
    lines = lines_of(board)
    assert sum(line.startswith("▸") for line in lines) == _progress.AT_WORK
    assert "and 12 more that are being trained" in lines


def test_a_trial_that_is_not_heard_of_is_shown_as_silent(monkeypatch: pytest.MonkeyPatch):
    board = Board()
    ticks(board, 1, 2)
    monkeypatch.setattr(_board, "SILENT_SECONDS", 0.0)
    assert any("90.10%    2/30  silent for 0 s" in line for line in lines_of(board))


def test_the_display_says_how_the_budget_is_used_and_what_became_of_trials():
    board = Board()
    ticks(board, 0, 1)
    lines = lines_of(board)
    assert "trials  3: 1 complete, 2 infeasible; 2 workers" in lines
    assert "plan    explore until 0:36 · confirm 6 runs ~0:12 · final 0:03 · test 0:05" in lines
    board.see(replace(STUDY, phase="final"))
    assert board.plan_text == "final 0:03 · test 0:05"


def test_without_a_terminal_the_plan_is_said_when_it_is_new():
    console = Console(file=io.StringIO(), width=40)
    plans = [None, PLAN, replace(PLAN, confirm_seconds=13.0), replace(PLAN, run_seconds=3.0, explore_until=24.0), PLAN]
    with _progress.shown(console, live=False) as listener:
        for plan in plans:
            listener(replace(STUDY, trial=0, max_epochs=30, plan=plan))
    rest = "confirm 6 runs ~0:12 · final 0:03 · test 0:05"
    assert printed(console).split("\n") == [
        "explore",
        f"  plan: explore until 0:36 · {rest}",
        f"  plan: explore until 0:24 · {rest}",
        f"  plan: explore until 0:36 · {rest}",
        "",
    ]


def test_an_infeasible_trial_leads_nothing():
    board = Board()
    board.see(replace(STUDY, trial=3, epoch=1, max_epochs=30, score=0.99, state="infeasible", infeasible=1))
    assert board.best is None
    assert board.leaders(5) == []


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
