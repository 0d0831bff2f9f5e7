"""`mapsto ask` and `mapsto tell`, and the answer of a study of a program."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

SPACE = ["--set", "x=uniform(-1, 1)", "--set", "kind=choice(a, b)", "--set", "y=int(1, 3) if kind == b"]


def test_a_study_in_json(mapsto, tmp_path: Path):
    begun = mapsto("ask", tmp_path / "run", "--new", *SPACE, "--direction", "minimize", "--json")
    assert begun.exit_code == 0, begun.stderr
    assert json.loads(begun.stdout) == {"trial": 0, "seed": 219417823, "settings": {"x": 0.0, "kind": "a"}}
    told = json.loads(mapsto("tell", tmp_path / "run", 0, "--value", "-0.5", "--json").stdout)
    assert (told["state"], told["value"]) == ("complete", -0.5)
    assert json.loads(mapsto("ask", tmp_path / "run", "--best", "--json").stdout) == told
    assert json.loads(mapsto("ask", tmp_path / "run", *SPACE, "--direction", "minimize", "--json").stdout)["trial"] == 1
    assert [trial["state"] for trial in json.loads(mapsto("ask", tmp_path / "run", "--all", "--json").stdout)] == [
        "complete",
        "running",
    ]


def test_a_study_in_lines(mapsto, tmp_path: Path):
    space = tmp_path / "space.yaml"
    space.write_text("x: uniform(-1, 1)\n")
    assert mapsto("ask", tmp_path / "run", "--space", space).stdout == "trial 0, seed 219417823: x=0.0\n"
    assert mapsto("ask", tmp_path / "run", "--best").stdout == "no value has been told yet\n"
    assert mapsto("tell", tmp_path / "run", 0, "--step", 1, "--value", 3).stdout == "go on\n"
    failed = mapsto("tell", tmp_path / "run", 0, "--state", "failed", "--cause", "burnt").stdout
    assert failed == mapsto("ask", tmp_path / "run", "--all").stdout == "trial 0, failed, burnt: x=0.0\n"


def test_what_is_refused_ends_with_status_2(mapsto, tmp_path: Path):
    for arguments, message in [
        (["ask", tmp_path], "There is no study in"),
        (["ask", tmp_path, "--best", "--all"], "give one of them."),
        (["ask", tmp_path, "--set", "x"], "A setting is written name=value"),
        (["tell", tmp_path, 0, "--step", 3], "a step has a value"),
    ]:
        done = mapsto(*arguments)
        assert (done.exit_code, message in done.stderr) == (2, True), done.stderr


def test_a_program_is_tuned_as_it_is_said(mapsto, tmp_path: Path):
    script = tmp_path / "height.sh"
    script.write_text("for s in 1 2 3; do echo step=$s height=$1; done\n")
    done = mapsto(
        "tune", "--command", f"sh {script} {{x}}", "--set", "x=int(1, 9)", "--metric", "height", "--trials", 4,
        "--sampler", "random", "--pruner", "median", "--max-steps", 3, "--trial-time", "30s", "--start", "x=2",
        "--out", tmp_path / "run", "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    definition = json.loads((tmp_path / "run" / "study.json").read_text())
    assert (definition["sampler"], definition["pruner"], definition["max_fidelity"]) == ("random", "median", 3)
    assert (definition["start"], definition["plan"]["time_limit"]) == ({"x": 2}, 30.0)
    assert json.loads(done.stdout)["trials"][0]["settings"] == {"x": 2}


def test_options_that_would_do_nothing_are_refused(mapsto, tmp_path: Path):
    program = ["--command", "echo y={x}", "--set", "x=int(1, 9)", "--metric", "y", "--out", tmp_path / "run"]
    for arguments, name in [
        (["tune", *program, "--storage", "sqlite:///x.db"], "--storage"),
        (["tune", *program, "--overwrite"], "--overwrite"),
        (["tune", "digits", *program], "SOURCE"),
        (["tune", "digits", "--metric", "accuracy", "--out", tmp_path / "run"], "--metric"),
        (["tune", "digits", "--start", "x=1", "--out", tmp_path / "run"], "--start"),
    ]:
        done = mapsto(*arguments)
        assert (done.exit_code, f"{name} is" in done.stderr) == (2, True), done.stderr
        assert not (tmp_path / "run").exists()


def test_the_answer_of_a_study_of_a_program(tmp_path: Path):
    from mapsto.cli import _command
    from mapsto.search.command_study import tune_command

    script = tmp_path / "height.sh"
    script.write_text("echo height=$1.$(($1 * $2 % 9))\n")
    result = tune_command(
        f"sh {script} {{x}} {{seed}}",
        ["x=int(1, 9)"],
        metric="height",
        n_trials=4,
        out=tmp_path / "run",
        start={"x": 1},
    )
    page = io.StringIO()
    _command._show(Console(file=page, width=200), result)
    shown = page.getvalue()
    assert "better than the settings to start with" in shown
    assert f"run it   sh {script} {result.best['x']} " in shown
    assert "mean of 3 runs from" in shown
