"""Trials are written down where users keep experiments; each test needs the service's package."""

from __future__ import annotations

import json

import pytest

import mapsto as mp

SETTINGS = [
    "model.name=mlp", "model.hidden_dim=8", "optimizer.learning_rate=choice(0.001, 0.01)", "training.max_epochs=2",
    "search.num_seeds=1", "search.finalists=1", "search.pruner=off",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's own, of SQLAlchemy
def test_mlflow_has_a_run_for_each_training(tmp_path):
    mlflow = pytest.importorskip("mlflow")
    result = mp.tune("digits", settings=[*SETTINGS, "search.trackers=[mlflow]"], n_trials=2, out=tmp_path / "run")
    client = mlflow.MlflowClient(f"sqlite:///{result.run / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("run").experiment_id])
    assert {run.info.run_name for run in runs} == {path.name for path in (result.run / "trials").iterdir()}
    first = next(run for run in runs if run.info.run_name == "0000")
    outcome = json.loads((result.run / "trials" / "0000" / "result.json").read_text())
    assert first.data.metrics["best_score"] == pytest.approx(outcome["score"])
    assert first.data.params["optimizer.learning_rate"] == "0.001"
    assert [m.step for m in client.get_metric_history(first.info.run_id, "train_loss")] == [1, 2]


def test_wandb_has_a_run_for_each_training(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    result = mp.tune("digits", settings=[*SETTINGS, "search.trackers=[wandb]"], n_trials=2, out=tmp_path / "run")
    written = list((result.run / "wandb").glob("offline-run-*/*.wandb"))
    assert len(written) == len(list((result.run / "trials").iterdir()))


def test_a_service_that_fails_does_not_end_the_study(tmp_path, monkeypatch, caplog):
    from mapsto.search.trackers.base import Tracker

    class Broken(Tracker):
        title = "a broken service"

        def __init__(self, run):
            pass

        def trial(self, name, outcome, leaves, epochs):
            raise ConnectionError("nobody is there")

    monkeypatch.setattr("mapsto.recipe.family.Family.get", _instead_of("mlflow", Broken))
    result = mp.tune("digits", settings=[*SETTINGS, "search.trackers=[mlflow]"], n_trials=2, out=tmp_path / "run")
    assert len(result.leaderboard()) == 2
    assert "a broken service could not be told of 0000" in caplog.text


def _instead_of(name, cls):
    from mapsto.recipe.family import Family

    get = Family.get

    def found(family, asked):
        return cls if asked == name and family.kind == "tracker" else get(family, asked)

    return found


def test_a_tracker_whose_package_is_missing_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "wandb", None)
    with pytest.raises(mp.MissingPackage, match=r"mapsto\[services\]"):
        mp.tune("digits", settings=[*SETTINGS, "search.trackers=[wandb]"], n_trials=2, out=tmp_path / "run")
