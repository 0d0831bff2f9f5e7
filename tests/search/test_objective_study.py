"""Studies of functions: Optuna's objectives as they are."""

import os
import signal
import subprocess
import sys
import time

import optuna
import pytest

from mapsto.errors import MapstoError, RecipeError, RunError, TrainingError
from mapsto.search.objective_study import tune_objective


def branched(trial):
    if trial.suggest_categorical("kind", ["a", "b"]) == "a":
        return (trial.suggest_float("x", -10, 10) - 3) ** 2
    return 1 + abs(trial.suggest_int("n", 1, 100) - 30)


def test_a_space_is_found_on_the_way_and_searched(tmp_path):
    study = tune_objective(branched, n_trials=40, out=tmp_path / "run")
    assert study.best_params["kind"] == "a"
    assert study.best_value < 0.5
    assert study.best_value == min(trial.score for trial in study.trials if trial.score is not None)
    for trial in study.trials:
        assert set(trial.chosen) == ({"kind", "x"} if trial.chosen["kind"] == "a" else {"kind", "n"})


def test_the_same_seed_gives_the_same_study_and_one_that_goes_on_the_rest_of_it(tmp_path):
    def values(study):
        return [(trial.chosen, trial.score) for trial in study.trials]

    whole = tune_objective(branched, n_trials=15, seed=3, out=tmp_path / "whole")
    tune_objective(branched, n_trials=6, seed=3, out=tmp_path / "parts")
    assert values(tune_objective(branched, n_trials=15, seed=3, out=tmp_path / "parts")) == values(whole)
    other = tune_objective(branched, n_trials=15, seed=4, out=tmp_path / "other")
    assert values(other)[1:] != values(whole)[1:]


def test_optuna_opens_the_journal(tmp_path):
    study = tune_objective(branched, n_trials=8, out=tmp_path / "run")
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "run" / "study.journal"))
    theirs = optuna.load_study(study_name="mapsto", storage=optuna.storages.JournalStorage(backend))
    assert theirs.best_params == study.best_params
    assert [trial.value for trial in theirs.trials] == [trial.score for trial in study.trials]


def test_poor_trials_are_ended_early(tmp_path):
    def objective(trial):
        level = trial.suggest_float("level", 0, 1)
        for step in range(10):
            trial.report(level + 1 / (step + 1), step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return level

    study = tune_objective(objective, n_trials=30, out=tmp_path / "run")
    pruned = [trial for trial in study.trials if trial.state == "pruned"]
    assert len(pruned) > 5
    assert min(trial.chosen["level"] for trial in pruned) > study.best_params["level"]
    none = tune_objective(objective, n_trials=30, pruner="off", out=tmp_path / "off")
    assert all(trial.state == "complete" for trial in none.trials)


def test_a_failing_trial_is_no_end_and_ten_of_them_are(tmp_path):
    def sometimes(trial):
        x = trial.suggest_float("x", 0, 1)
        if trial.number % 2:
            raise ValueError("a bad number")
        return float("nan") if trial.number == 2 else x

    study = tune_objective(sometimes, n_trials=9, out=tmp_path / "run")
    assert [trial.state for trial in study.trials[:4]] == ["complete", "failed", "failed", "failed"]
    assert "ValueError: a bad number" in study.trials[1].cause
    calls = []

    def hopeless(trial):
        calls.append(trial.number)
        return 1 / 0

    with pytest.raises(TrainingError, match="ZeroDivisionError"):
        tune_objective(hopeless, n_trials=100, out=tmp_path / "hopeless")
    assert len(calls) == 10


def test_start_budget_and_notes(tmp_path):
    def objective(trial):
        trial.set_user_attr("seen", trial.number)
        time.sleep(0.05)
        return trial.suggest_float("x", 0, 1)

    begun = time.perf_counter()
    study = tune_objective(objective, budget="1s", start={"x": 0.75}, out=tmp_path / "run")
    assert study.trials[0].chosen == {"x": 0.75}
    assert len(study.trials) > 5
    assert time.perf_counter() - begun < 3


def test_a_killed_study_goes_on(tmp_path):
    script = tmp_path / "study.py"
    script.write_text(
        "import sys, time\nimport mapsto as mp\n"
        "def objective(trial):\n"
        "    x = trial.suggest_float('x', 0, 1)\n"
        "    if trial.number == 3 and len(sys.argv) > 1:\n"
        "        print('waiting', flush=True)\n"
        "        time.sleep(60)\n"
        "    return x\n"
        "study = mp.tune_objective(objective, n_trials=6, out='run')\n"
        "print(len(study.trials), [trial.state for trial in study.trials])\n"
    )
    with subprocess.Popen([sys.executable, script, "wait"], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "waiting\n"
        os.kill(first.pid, signal.SIGKILL)
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split()[0] == "6"
    assert "failed" not in done.stdout


def test_what_is_wrong_is_told(tmp_path):
    with pytest.raises(RecipeError, match="sampler"):
        tune_objective(branched, n_trials=2, sampler="magic", out=tmp_path / "a")
    tune_objective(branched, n_trials=2, out=tmp_path / "b")
    with pytest.raises(RunError, match="holds another study"):
        tune_objective(branched, n_trials=2, direction="maximize", out=tmp_path / "b")
    with pytest.raises(MapstoError, match="is no number"):
        tune_objective(lambda trial: "text", n_trials=2, out=tmp_path / "c")  # type: ignore[arg-type, return-value]
