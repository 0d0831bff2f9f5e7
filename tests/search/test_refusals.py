"""What is refused, cut or dropped in the middle of a study: it takes nothing else with it, and passes for no more."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mapsto as mp
from mapsto.errors import DiskFull, RecipeError
from mapsto.search.dispatch import Dispatcher
from mapsto.search.executors.base import Executor, Place
from mapsto.search.jobs import Job
from mapsto.search.patience import Patience
from mapsto.search.run import Run
from mapsto.search.training_run import _Work

SMALL = [
    "model.name=mlp", "model.hidden_dim=8", "training.max_epochs=2", "search.num_seeds=1", "search.finalists=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(240, 4)), columns=list("abcd"))
    frame["y"] = np.where(frame["a"] + frame["b"] > 0, "up", "down")
    path = tmp_path_factory.mktemp("data") / "table.csv"
    frame.to_csv(path, index=False)
    return path


def tune(table, out, *settings, n_trials=2, **more):
    return mp.tune(table, target="y", settings=[*SMALL, *settings], n_trials=n_trials, out=out, **more)


def contents(folder: Path) -> dict[str, str]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


# -- runs that are to be replaced -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "refused",
    [
        ["search.pruner=racing"],
        ["search.sampler=cmaes", "search.objectives=[parameters]"],
        ["search.learn_from=[nowhere]"],
        ["search.storage=sqlite:////nowhere/study.db"],
    ],
)
def test_what_is_refused_late_brings_the_replaced_run_back(table, tmp_path, refused):
    old = tune(table, tmp_path / "run", "optimizer.learning_rate=log(1e-3, 1e-1)")
    before = contents(old.run)
    with pytest.raises(mp.MapstoError):
        tune(table, tmp_path / "run", "optimizer.learning_rate=log(1e-3, 1e-1)", *refused, overwrite=True)
    assert contents(old.run) == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_what_is_refused_late_leaves_no_folder(table, tmp_path):
    with pytest.raises(RecipeError, match="racing"):
        tune(table, tmp_path / "run", "optimizer.learning_rate=log(1e-3, 1e-1)", "search.pruner=racing")
    assert not (tmp_path / "run").exists()


def test_ctrl_c_before_the_first_trial_brings_the_replaced_run_back(table, tmp_path, monkeypatch):
    old = tune(table, tmp_path / "run")
    before = contents(old.run)

    def interrupted(*ignored: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mapsto._runs.go_on", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tune(table, tmp_path / "run", overwrite=True)
    assert contents(old.run) == before


# -- a storage that several studies share ---------------------------------------------------------------------------


def test_runs_of_one_name_are_two_studies_in_a_storage(table, tmp_path):
    storage = f"sqlite:///{tmp_path}/studies.db"
    runs = [
        tune(table, tmp_path / place / "run", "optimizer.learning_rate=log(1e-3, 1e-1)", storage=storage)
        for place in ("one", "two")
    ]
    with sqlite3.connect(tmp_path / "studies.db") as database:
        names = [name for (name,) in database.execute("select study_name from studies order by study_id")]
        counts = [count for (count,) in database.execute("select count(*) from trials group by study_id")]
    assert names == ["mapsto-run", "mapsto-run-2"]
    assert counts == [2, 2]
    first, second = (run.leaderboard().drop(columns="seconds") for run in runs)
    assert first.equals(second)


def test_a_study_that_is_continued_in_a_storage_keeps_its_trials_and_the_old_run(table, tmp_path):
    storage = f"sqlite:///{tmp_path}/studies.db"
    old = tune(
        table, tmp_path / "old", "model.activation=choice(relu, tanh)", "optimizer.learning_rate=log(1e-3, 1e-1)"
    )
    before = contents(old.run)
    new = mp.tune(
        continue_from=old.run, settings=["model.activation=choice(relu, tanh, gelu)"], n_trials=2, storage=storage,
        out=tmp_path / "new",
    )  # fmt: skip
    assert contents(old.run) == before
    scores = [result.leaderboard().set_index("trial")["score"] for result in (old, new)]
    assert list(scores[1].loc[[0, 1]]) == list(scores[0].loc[[0, 1]])
    assert len(scores[1]) == 4


def test_what_is_trained_again_in_a_continued_run_adds_nothing_to_the_old_one(table, tmp_path):
    old = tune(table, tmp_path / "old", "optimizer.learning_rate=log(1e-3, 1e-1)")
    new = mp.tune(continue_from=old.run, n_trials=1, out=tmp_path / "new")
    for name in ("log.txt", "trace.jsonl"):
        with (new.run / "trials" / "0000" / name).open("a") as file:
            file.write("more\n")
        assert "more" not in (old.run / "trials" / "0000" / name).read_text()


# -- disks ----------------------------------------------------------------------------------------------------------


def test_a_tick_on_a_full_disk_ends_nothing(tmp_path, monkeypatch):
    run = Run.create(tmp_path / "run")
    monkeypatch.setattr("mapsto.search.run.SAVE_STATE_SECONDS", 0.0)

    def full(*ignored: object) -> None:
        raise DiskFull("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("mapsto._files.write_json", full)
        run.tick()
    run.tick()
    assert "elapsed" in json.loads((tmp_path / "run" / "state.json").read_text())
    run.close()


class FullAtFirst(Executor):
    """Has no room to begin a job until it was asked twice."""

    title = "full at first"

    def __init__(self) -> None:
        super().__init__(Place("cpu"))
        self.asked: list[Job] = []

    @property
    def free(self):
        return 1

    def submit(self, job):
        self.asked.append(job)
        if len(self.asked) < 3:
            raise DiskFull("the disk is full")

    def wait(self, timeout):
        return []

    def close(self):
        self.asked = []


def test_a_worker_that_cannot_begin_on_a_full_disk_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr("mapsto.search.patience.PAUSE_SECONDS", 0.0)
    told: list[str] = []
    executor = FullAtFirst()
    job = Job("0000", tmp_path, tmp_path, {"training.seed": 0}, 0, "explore", (), "cpu", 10.0)
    Dispatcher(executor, Patience(told.append)).submit(job)
    assert len(executor.asked) == 3
    assert len(told) == 1


# -- trials that are cut, refused or infeasible ---------------------------------------------------------------------


def test_a_fold_that_is_cut_by_time_is_no_part_of_the_score(table, tmp_path, monkeypatch):
    trained, scores = _Work._train, list[float]()

    def cut(self, recipe, stage, folder):
        outcome = trained(self, recipe, stage, folder)
        if self.job.phase != "explore":
            return outcome
        scores.append(outcome.score or 0.0)
        return outcome if len(scores) < 6 else replace(outcome, state="stopped", score=0.123)

    monkeypatch.setattr(_Work, "_train", cut)
    result = tune(
        table, tmp_path / "run", "optimizer.learning_rate=log(1e-3, 1e-1)", "data.num_folds=3", "search.fidelity=folds",
        "search.pruner=off",
    )  # fmt: skip
    trials = result.leaderboard().set_index("trial")
    assert list(trials.loc[[0, 1], "state"]) == ["complete", "stopped"]
    assert list(trials.loc[[0, 1], "score"]) == pytest.approx([sum(scores[:3]) / 3, sum(scores[3:5]) / 2])


@pytest.mark.parametrize("fidelity", ["epochs", "examples"])
def test_a_data_setting_that_leaves_no_rows_is_a_trial_that_failed(tmp_path, fidelity):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(200, 3)), columns=list("abc"))
    for row in range(200):
        frame.iloc[row, row % 3] = np.nan
    frame["y"] = np.where(rng.normal(size=200) > 0, "up", "down")
    settings = [
        *SMALL,
        "data.missing=choice(median, drop)",
        "data.missing_indicator=false",
        f"search.fidelity={fidelity}",
    ]
    result = mp.tune(frame, target="y", settings=settings, n_trials=4, out=tmp_path / "run")
    trials = result.leaderboard().set_index("data.missing")
    assert set(trials.loc[["median"], "state"]) == {"complete"}
    assert set(trials.loc[["drop"], "state"]) == {"failed"}
    assert trials.loc[["drop"], "cause"].str.contains("gap|missing|rows").all()


def test_infeasible_trials_do_not_make_a_study_hopeless(table, tmp_path):
    with pytest.raises(mp.TrainingError):
        tune(table, tmp_path / "run", "optimizer.learning_rate=log(1e-3, 1e-1)", "search.max_parameters=1", n_trials=13)
    states = [json.loads(p.read_text())["state"] for p in (tmp_path / "run" / "trials").glob("*/result.json")]
    assert states == ["infeasible"] * 13


@pytest.mark.parametrize("failing", [0, 1])
def test_a_run_that_fails_in_the_final_leaves_the_difference_open(table, tmp_path, monkeypatch, failing):
    trained = _Work._train

    def failed(self, recipe, stage, folder):
        outcome = trained(self, recipe, stage, folder)
        if self.job.phase == "confirm" and self.job.number == failing:
            return replace(outcome, state="failed", score=None)
        if self.job.phase == "explore":  # so that the other recipe is a finalist
            return replace(outcome, score=[0.5, 0.9][self.job.number])
        return outcome

    monkeypatch.setattr(_Work, "_train", failed)
    result = tune(table, tmp_path / "run", "optimizer.learning_rate=log(1e-3, 1e-1)", "search.num_seeds=2")
    verdict = result.summary()["verdict_text"]
    assert verdict.startswith(("A training failed when", "No recipe was better"))
    assert result.report(tmp_path / "zh.html", "zh").exists()


# -- what a study goes on with --------------------------------------------------------------------------------------


def test_a_grid_that_is_continued_with_a_further_option_tries_what_is_new_alone(table, tmp_path):
    space = ["model.activation=choice(relu, tanh)", "training.batch_size=choice(16, 32)", "search.sampler=grid"]
    old = tune(table, tmp_path / "old", *space, n_trials=9)
    assert len(old.leaderboard()) == 5  # the default, and each point
    wider = ["model.activation=choice(relu, tanh, gelu)"]
    new = mp.tune(continue_from=old.run, settings=wider, n_trials=20, out=tmp_path / "new").leaderboard()
    fresh = new[new["trial"] >= 5]
    assert sorted(zip(fresh["model.activation"], fresh["training.batch_size"], strict=True)) == [
        ("gelu", 16),
        ("gelu", 32),
    ]


def test_epochs_that_a_budget_cut_are_told_of_where_the_study_is_continued(table, tmp_path, monkeypatch):
    monkeypatch.setattr("mapsto.search.pace.epoch_seconds", lambda *ignored: 1.0)
    settings = ["model.name=mlp", "model.hidden_dim=int(4, 16)", "search.num_seeds=1", "search.finalists=1"]
    old = mp.tune(table, target="y", settings=settings, budget=24, n_trials=1, out=tmp_path / "old")
    new = mp.tune(continue_from=old.run, n_trials=1, out=tmp_path / "new")
    for result in (old, new):
        assert any("Each training has 4 of " in note["message"] for note in result.summary()["notes"])


def test_what_was_learned_elsewhere_is_tried_in_a_continued_study(table, tmp_path):
    other = tune(table, tmp_path / "other", "optimizer.learning_rate=log(1e-2, 2e-2)", n_trials=3)
    old = tune(table, tmp_path / "old", "optimizer.learning_rate=log(1e-3, 1e-1)", n_trials=2)
    new = mp.tune(
        continue_from=old.run, settings=[f"search.learn_from=[{other.run}]"], n_trials=8, out=tmp_path / "new"
    )
    suggested = new.summary()["suggested"]
    rates = new.leaderboard().set_index("trial")["optimizer.learning_rate"]
    assert suggested
    assert [rates[2 + place] for place in range(len(suggested))] == [
        pytest.approx(one["chosen"]["optimizer.learning_rate"]) for one in suggested
    ]
