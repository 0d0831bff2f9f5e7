"""Whole studies of small programs."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mapsto.errors import RecipeError, RunError, TrainingError
from mapsto.recipe.seeds import derive
from mapsto.search.command_study import resume_command, tune_command

SPACE = ["opt=choice(sgd, adam)", "momentum=uniform(0, 0.99) if opt == sgd", "lr=log(1e-4, 1)"]
PROGRAM = """
import argparse, math, os, random, time
parser = argparse.ArgumentParser()
for name in ("lr", "momentum"):
    parser.add_argument(f"--{name}", type=float, default=1.0)
parser.add_argument("--opt")
parser.add_argument("--seed", type=int)
a = parser.parse_args()
parent = os.getppid()
while int(os.environ.get("MAPSTO_TRIAL", 0)) >= int(os.environ.get("HELD_FROM", 1000)):
    time.sleep(0.02)
    if os.getppid() != parent:
        raise SystemExit("the study is gone")
noise = random.Random(a.seed).gauss(0, 0.02)
for epoch in range(1, 5):
    time.sleep(random.random() * 0.02)  # who ends first is left to chance
    print(f"epoch={epoch} error={abs(math.log10(a.lr) + 2) + a.momentum + 1 / epoch + noise:.6f}", flush=True)
"""


OPTIONS = {"metric": "error", "direction": "minimize", "n_trials": 10, "num_seeds": 2, "start": {"lr": 0.9}}


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("program") / "train.py"
    path.write_text(PROGRAM)
    return f"{sys.executable} -S {path} --lr {{lr}} --opt {{opt}} --momentum {{momentum}} --seed {{seed}}"


@pytest.fixture(scope="module")
def undisturbed(program, tmp_path_factory):
    """A study of ten trials by one worker, from its beginning to its end."""
    return tune(program, tmp_path_factory.mktemp("study") / "undisturbed")


def tune(command, out, space=SPACE, **options):
    return tune_command(command, space, out=out, **{**OPTIONS, **options})


def facts(result):
    """Everything but what the clock decides."""
    document = result.to_json()
    trials = [{name: value for name, value in t.items() if name != "seconds"} for t in document["trials"]]
    finalists = [(f["trial"], f["scores"]) for f in document["finalists"]]
    return trials, finalists


def test_a_study_on_two_workers_is_that_of_one(program, undisturbed, tmp_path):
    assert facts(tune(program, tmp_path / "two", workers=2)) == facts(undisturbed)


def test_the_finalists_are_run_again_beside_the_start_and_the_winner_is_judged(undisturbed):
    assert [trial.seed for trial in undisturbed.trials] == [derive(0, "trial", number) for number in range(10)]
    assert undisturbed.trials[0].chosen["lr"] == 0.9
    assert 0 in {finalist.number for finalist in undisturbed.finalists}
    assert {len(finalist.scores) for finalist in undisturbed.finalists} == {2}
    assert undisturbed.verdict == "better"


def test_what_is_stopped_early_is_the_same_on_two_workers(program, tmp_path):
    results = [
        tune(program, tmp_path / str(n), workers=n, pruner="median", max_fidelity=4, num_seeds=0) for n in (1, 2)
    ]
    assert facts(results[0]) == facts(results[1])
    assert any(trial.state == "pruned" for trial in results[0].trials)


def test_the_folder_holds_what_it_takes_to_repeat_a_trial(program, tmp_path):
    result = tune(program, tmp_path / "run", n_trials=3, num_seeds=0)
    trial = tmp_path / "run" / "trials" / "0001"
    assert json.loads((trial / "settings.json").read_text())["settings"] == facts(result)[0][1]["settings"]
    assert (trial / "log.txt").read_text().count("error=") == 4
    assert json.loads((tmp_path / "run" / "results.json").read_text()) == result.to_json()
    done = subprocess.run(result.line, shell=True, capture_output=True, text=True, check=True)
    assert float(done.stdout.split("error=")[-1]) == result.winner.explored_score


def test_a_program_without_places_reads_its_environment(tmp_path):
    script = tmp_path / "height.sh"
    script.write_text("echo height=$MAPSTO_X\n")
    result = tune_command(f"sh {script}", ["x=int(1, 9)"], metric="height", n_trials=6, out=tmp_path / "run")
    assert result.winner.explored_score == result.best["x"]
    assert result.line == f"MAPSTO_X={result.best['x']} sh {script}"
    assert subprocess.check_output(result.line, shell=True, text=True) == f"height={result.best['x']}\n"


def test_failures_are_told_and_the_study_goes_on(tmp_path):
    script = tmp_path / "odd.sh"
    script.write_text('test $1 -lt 5 || { echo "too large" >&2; exit 7; }\necho height=$1\n')
    result = tune_command(f"sh {script} {{x}}", ["x=int(1, 9)"], metric="height", n_trials=8, out=tmp_path / "run")
    failed = [trial for trial in result.trials if trial.state == "failed"]
    assert failed
    assert {trial.cause for trial in failed} == {"it ended with status 7: too large"}
    assert result.winner.explored_score < 5


def test_a_program_that_never_succeeds_ends_the_study_with_its_cause(tmp_path):
    with pytest.raises(TrainingError, match="No trial came to a value of x .trial 0: it ended with status 1"):
        tune_command("false", ["a=int(1, 99)"], metric="x", n_trials=500, out=tmp_path / "run")
    assert 10 <= len(list((tmp_path / "run" / "trials").iterdir())) <= 14


def test_a_budget_is_kept_and_the_finalists_have_their_share(tmp_path):
    script = tmp_path / "slow.sh"
    script.write_text("sleep 0.2\necho height=$1\n")
    started = time.monotonic()
    result = tune_command(
        f"sh {script} {{x}} {{seed}}",
        ["x=uniform(0, 1)"],
        metric="height",
        budget="4s",
        finalists=2,
        out=tmp_path / "run",
    )
    assert time.monotonic() - started < 5
    assert len(result.trials) >= 3
    assert all(len(finalist.scores) >= 2 for finalist in result.finalists)


def test_a_trial_that_hangs_is_ended_at_its_limit(tmp_path):
    script = tmp_path / "hang.sh"
    script.write_text("test $1 -gt 1 && sleep 100\necho height=$1\n")
    result = tune_command(
        f"sh {script} {{x}}", ["x=choice(1, 2)"], metric="height", n_trials=4, time_limit=0.5, out=tmp_path / "run"
    )
    ended = {trial.chosen["x"]: (trial.state, trial.cause) for trial in result.trials}
    assert ended == {1: ("complete", "it ended"), 2: ("failed", "the time was up after 0.5 s")}


def test_a_finished_study_can_have_more_trials_as_if_it_had_always_had_them(program, undisturbed, tmp_path):
    short = tune(program, tmp_path / "short", n_trials=6)
    assert facts(resume_command(short.folder, n_trials=10, workers=2)) == facts(undisturbed)


DRIVER = """
import typer
from mapsto.cli import _command
from mapsto.cli._terminal import Terminal

def main(mode: str, command: str, out: str, space: list[str]) -> None:
    with Terminal(as_json=False, quiet=True, debug=False) as terminal:
        if mode == "tune":
            _command.tune(terminal, command, space, out=out, workers=2, **OPTIONS)
        else:
            _command.resume(terminal, out, workers=2)

typer.run(main)
"""


def drive(mode, program, out):
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            DRIVER.replace("OPTIONS", repr({**OPTIONS, "start": ["lr=0.9"]})),
            mode,
            program,
            str(out),
            *SPACE,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HELD_FROM": "5"},  # so that a signal finds it at work
    )


def when_there_are(out: Path, results: int) -> None:
    until = time.monotonic() + 120
    while len(list(out.glob("trials/*/result.json"))) < results:
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_study_that_was_stopped_goes_on_as_if_nothing_had_happened(program, undisturbed, tmp_path, number):
    out = tmp_path / "run"
    process = drive("tune", program, out)
    when_there_are(out, 3)
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=120)
    if number != signal.SIGKILL:
        assert errors == f"Stopped. What was finished is kept; `mapsto resume {out}` goes on.\n"
        assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    before = {path: path.read_text() for path in out.glob("trials/*/result.json")}
    assert 3 <= len(before) <= 5
    assert facts(resume_command(out, workers=2)) == facts(undisturbed)
    assert all(path.read_text() == text for path, text in before.items())


def test_a_signal_that_another_thread_receives_stops_the_study(program, tmp_path):
    class Stopped(Exception):
        pass

    def stop(number, frame):
        raise Stopped

    before = signal.signal(signal.SIGUSR1, stop)
    try:
        with pytest.raises(Stopped):
            tune(
                program,
                tmp_path / "run",
                listener=lambda progress: signal.pthread_kill(threading.get_ident(), signal.SIGUSR1),
            )
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(list((tmp_path / "run").glob("trials/*/result.json"))) < 10


def test_a_finished_study_that_is_resumed_answers_again(program, undisturbed):
    resumed = drive("resume", program, undisturbed.folder)
    answer, errors = resumed.communicate(timeout=60)
    assert (resumed.returncode, errors) == (0, "")
    assert answer.startswith(f"{undisturbed.folder}: error ")


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda out: tune("no_such_program", out), "There is no program no_such_program to run"),
        (lambda out: tune("echo {lrr}", out), "The command has a place for `lrr`"),
        (lambda out: tune("echo", out, workers=0), "At least one program runs at a time. Received: workers=0."),
        (lambda out: tune("echo", out, budget="soon"), "A budget is a length of time with its units"),
        (lambda out: tune("echo", out, num_seeds=-1), "`num_seeds`: Input should be greater than or equal to 0"),
        (lambda out: resume_command(out), "There is no study in"),
    ],
)
def test_what_is_refused_leaves_no_folder(tmp_path, act, message):
    with pytest.raises((RecipeError, RunError)) as refused:
        act(tmp_path / "run")
    assert message in str(refused.value)
    assert not (tmp_path / "run").exists()


def test_who_asks_and_tells_is_kept_out(program, tmp_path):
    from mapsto.search import asking

    tune(program, tmp_path / "run", n_trials=2, num_seeds=0)
    with pytest.raises(RunError, match="is a study that runs its command itself"):
        asking.ask(tmp_path / "run")
    asking.create(tmp_path / "asked", SPACE)
    with pytest.raises(RunError, match="is a study that is asked and told"):
        resume_command(tmp_path / "asked")
