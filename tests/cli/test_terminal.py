from __future__ import annotations

import json
import logging
import os
import signal
import time

import pytest
import typer

from mapsto.cli._terminal import Terminal
from mapsto.errors import DataError
from mapsto.search.progress import Progress


def ended(error: BaseException | None = None, **options: bool) -> int:
    """The status with which a verb ends in which `error` is raised."""
    settings = {"as_json": False, "quiet": False, "debug": False} | options
    try:
        with Terminal(**settings):
            if error is not None:
                raise error
    except typer.Exit as end:
        return end.exit_code
    return 0


def test_a_fault_of_the_user_is_one_paragraph_and_status_2(capsys):
    assert ended(DataError("There is no file a.csv.")) == 2
    assert capsys.readouterr() == ("", "Error: There is no file a.csv.\n")


def test_with_json_an_error_is_json_too(capsys):
    assert ended(DataError("There is no file “a.csv”."), as_json=True) == 2
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"error": "There is no file “a.csv”.", "kind": "DataError"}
    assert shown.err == "Error: There is no file “a.csv”.\n"


def test_a_fault_of_mapsto_is_status_1_and_says_how_to_see_more(capsys):
    assert ended(KeyError("x")) == 1
    message = "Error: A fault of mapsto: KeyError: 'x'. The same command with `--debug` shows where.\n"
    assert capsys.readouterr().err == message


def test_debug_shows_the_traceback(capsys):
    assert ended(DataError("There is no file a.csv."), debug=True) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback (most recent call last)")
    assert shown.endswith("Error: There is no file a.csv.\n")


def test_debug_shows_what_is_logged(capsys):
    for debug in (True, False):
        with Terminal(as_json=False, quiet=True, debug=debug):
            logging.getLogger("mapsto").debug("trial %s failed", 3)
    assert capsys.readouterr().err == "trial 3 failed\n"


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_study_says_how_to_go_on(capsys, signum: int, status: int):
    before = signal.getsignal(signal.SIGTERM)
    with (
        pytest.raises(typer.Exit) as end,
        Terminal(as_json=False, quiet=True, debug=False) as terminal,
        terminal.study() as listener,
    ):
        assert listener is not None
        listener(Progress(phase="explore", trial=0, run="runs/digits"))
        os.kill(os.getpid(), signum)
        time.sleep(10)  # which the signal ends; another thread may be the one that takes it
    assert end.value.exit_code == status
    assert capsys.readouterr() == ("", "Stopped. What was finished is kept; `mapsto resume runs/digits` goes on.\n")
    assert signal.getsignal(signal.SIGTERM) is before


def test_stopped_before_there_is_a_run_it_promises_nothing(capsys):
    assert ended(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "Stopped.\n"


def test_json_has_null_for_what_is_not_a_number(capsys):
    terminal = Terminal(as_json=True, quiet=False, debug=False)
    terminal.answer({"rmse": float("nan"), "bounds": (0.5, float("inf"))}, line="")
    assert json.loads(capsys.readouterr().out) == {"rmse": None, "bounds": [0.5, None]}


def test_quiet_prints_the_line_alone(capsys):
    terminal = Terminal(as_json=False, quiet=True, debug=False)
    terminal.note("Edit it.")
    terminal.answer({"a": 1}, line="recipe.yaml", show=lambda console: console.print("a long table"))
    assert capsys.readouterr() == ("recipe.yaml\n", "")


def test_a_person_gets_the_table(capsys):
    terminal = Terminal(as_json=False, quiet=False, debug=False)
    terminal.answer({"a": 1}, line="recipe.yaml", show=lambda console: console.print("a long table"))
    assert capsys.readouterr().out == "a long table\n"


def test_where_progress_is_not_wanted_nothing_is_printed(capsys):
    with Terminal(as_json=True, quiet=False, debug=False).study() as listener:
        assert listener is not None
        listener(Progress(phase="explore", trial=0, state="complete", message="hello"))
    assert capsys.readouterr() == ("", "")
