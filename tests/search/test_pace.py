"""Trainings are as long as a budget allows."""

import json

import numpy as np
import pytest

import mapsto as mp
from mapsto.data.prepare import prepare
from mapsto.data.read import read
from mapsto.recipe.schema import DataOptions
from mapsto.recipe.space import Space
from mapsto.search import pace as pacing
from mapsto.training.batches import Tensors

RNG = np.random.default_rng(0)
ROWS = (RNG.normal(size=(3000, 2)), RNG.normal(size=3000))


@pytest.fixture
def given(tmp_path):
    space = Space.from_settings(["task=tabular_regression", "model=mlp", "optimizer.learning_rate=log(1e-3, 1e-1)"])
    recipe = space.recipe({"optimizer.learning_rate": 1e-2})
    table = read(ROWS, options=DataOptions())
    prepared = prepare(table, task=recipe.task, recipe_data=recipe.data, seed=0, folder=tmp_path)
    return space, recipe, prepared, Tensors(prepared, "cpu")


def test_an_epoch_is_measured_also_where_it_is_longer_than_the_measurement(given, monkeypatch):
    _, recipe, prepared, tensors = given
    recipe = recipe.replace({"training.batch_size": 2})
    whole = min(pacing.epoch_seconds(recipe, prepared, tensors) for _ in range(2))  # within half a second, or nearly
    monkeypatch.setattr(pacing, "PROBE_SECONDS", 0.15)
    part = min(pacing.epoch_seconds(recipe, prepared, tensors) for _ in range(2))
    assert 0.3 * whole < part < 3 * whole


@pytest.mark.parametrize(
    ("each", "budget", "epochs"),
    [(1.0, 600, None), (1.0, 120, 20), (1.0, 1, 3), (0.125, 15, 20), (1e-9, 0.1, None)],
)
def test_a_budget_holds_three_whole_trainings_in_its_half(given, monkeypatch, each, budget, epochs):
    space, recipe, prepared, tensors = given
    monkeypatch.setattr(pacing, "epoch_seconds", lambda *ignored: each)
    found = pacing.pace(space, {}, prepared, tensors, budget)
    assert (found.epochs if found else None) == epochs
    assert found is None or found.wanted == recipe.training.max_epochs == 30


def test_who_says_how_many_epochs_has_them(given, monkeypatch):
    space, _, prepared, tensors = given
    monkeypatch.setattr(pacing, "epoch_seconds", lambda *ignored: 1e9)
    for setting in ("training.max_epochs=50", "training.max_epochs=int(5, 50)"):
        assert pacing.pace(space.merged(Space.from_settings([setting])), {}, prepared, tensors, 1.0) is None
    two = {"training.max_epochs": 2}  # of the task's advice: fewer than that would teach nothing
    assert pacing.pace(space, two, prepared, tensors, 1.0) is None


@pytest.mark.parametrize("fault", [RuntimeError("out of memory"), None])
def test_a_default_recipe_that_cannot_be_trained_is_for_its_trial_to_say(given, monkeypatch, fault):
    def advance(*ignored, **named):
        if fault is not None:
            raise fault
        return iter(())  # it diverged at once

    monkeypatch.setattr("mapsto.training.epochs.EpochTrainer.advance", advance)
    space, _, prepared, tensors = given
    assert pacing.pace(space, {}, prepared, tensors, 1.0) is None


def test_a_short_budget_shortens_the_trainings_and_the_report_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("mapsto.search.pace.epoch_seconds", lambda *ignored: 1.0)
    settings = ["model.name=mlp", "optimizer.learning_rate=log(1e-3, 1e-1)", "search.num_seeds=1"]
    result = mp.tune(ROWS, settings=settings, budget=24, n_trials=2, out=tmp_path / "run")
    assert "max_epochs: 4\n" in (result.run / "study.yaml").read_text()
    assert set(result.leaderboard()["epochs"]) <= {1, 2, 3, 4}
    notes = json.loads((result.run / "results.json").read_text())["notes"]
    assert any("Each training has 4 of " in note["message"] for note in notes)
    assert "Each training has 4 of " in (result.run / "report.html").read_text()
    assert "每次训练只有 4 轮" in result.report(tmp_path / "zh.html", "zh").read_text()
