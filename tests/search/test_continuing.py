"""What a search leaves behind: a path to the winner, an ensemble, trials that another search goes on with."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

import mapsto as mp

SETTINGS = [
    "model.name=mlp", "model.hidden_dim=int(4, 32, log=True)", "optimizer.learning_rate=log(3e-3, 1e-1)",
    "training.max_epochs=25", "search.num_seeds=2", "search.finalists=1", "search.pruner=off", "search.ablation=0.5",
    "search.ensemble=6", "data.validation_share=0.4",
]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    rng = np.random.default_rng(0)
    found = pd.DataFrame(rng.normal(size=(1500, 5)), columns=list("abcde"))
    found["y"] = found["a"] * found["b"] + np.sin(2 * found["c"]) + 0.5 * rng.normal(size=1500)
    path = tmp_path_factory.mktemp("data") / "table.csv"
    found.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def first(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("first") / "run"
    return mp.tune(data, target="y", settings=SETTINGS, n_trials=8, out=out)


def trials(result):
    return {t["number"]: t for t in result.summary()["trials"] if t["phase"] == "explore"}


def test_the_gains_of_the_path_sum_to_what_the_winner_is_better_by(first):
    summary = first.summary()
    steps, runs = summary["ablation"], [t for t in summary["trials"] if t["phase"] == "ablate"]
    assert [step["settings"] for step in steps]
    assert runs
    scores = [summary[who]["validation"]["scores"] for who in ("winner", "default")]
    count = steps[0]["num_seeds"]
    gain = math.fsum(scores[1][:count]) / count - math.fsum(scores[0][:count]) / count
    assert math.fsum(step["gain"] for step in steps) == pytest.approx(gain)


def test_an_ensemble_answers_as_it_was_measured(first, data):
    offered = first.summary()["ensemble"]
    assert offered is not None
    assert offered["validation"] < offered["best_validation"]
    assert offered["parameters"] > offered["best_parameters"]
    rows = np.load(first.run / "evaluation" / "predictions.npz")["rows"]
    frame = pd.read_csv(data)
    answers = mp.predict(first.run, frame.iloc[rows], ensemble=True)
    error = np.sqrt(np.mean((answers["answer"].to_numpy() - frame["y"].iloc[rows].to_numpy()) ** 2))
    assert error == pytest.approx(offered["metrics"]["rmse"]["value"], rel=1e-5)


def test_a_run_without_an_ensemble_says_so(data, tmp_path):
    result = mp.train(data, target="y", settings=["training.max_epochs=1"], out=tmp_path / "run")
    with pytest.raises(mp.MapstoError, match="holds no ensemble"):
        mp.predict(result.run, data, ensemble=True)


def test_a_search_goes_on_in_a_wider_space_with_a_new_setting(first, tmp_path):
    settings = ["model.hidden_dim=int(4, 128, log=True)", "model.dropout=uniform(0, 0.5)", "search.ablation=0"]
    result = mp.tune(continue_from=first.run, settings=settings, n_trials=3, out=tmp_path / "run")
    before, after = trials(first), trials(result)
    assert list(after) == list(range(11))
    for number, trial in before.items():
        assert after[number]["score"] == trial["score"]
        assert after[number]["chosen"] == {**trial["chosen"], "model.dropout": 0.0}
    assert all("model.dropout" in after[number]["chosen"] for number in (8, 9, 10))
    summary = result.summary()
    assert summary["continued"]["kept"] == 8
    assert summary["continued"]["test_looks"] == 1
    assert summary["facts"]["part_counts"] == first.summary()["facts"]["part_counts"]
    assert first.summary()["trials"] == json.loads((first.run / "results.json").read_text())["trials"]


def test_trials_outside_a_narrower_space_are_left_out_and_keep_their_number(first, tmp_path):
    settings = ["optimizer.learning_rate=log(3e-3, 2e-2)", "search.ablation=0", "search.ensemble=0"]
    result = mp.tune(continue_from=first.run, settings=settings, n_trials=2, out=tmp_path / "run")
    after = trials(result)
    outside = {n for n, t in trials(first).items() if not 3e-3 <= t["chosen"]["optimizer.learning_rate"] <= 2e-2}
    assert outside
    assert {n for n, t in after.items() if t["state"] == "failed"} == outside
    assert {dropped["number"] for dropped in result.summary()["continued"]["dropped"]} == outside
    assert set(after) == set(range(10))
    assert result.summary()["winner"]["number"] not in outside


def test_a_run_without_trials_cannot_be_continued(tmp_path):
    with pytest.raises(mp.MapstoError, match="There is no run"):
        mp.tune(continue_from=tmp_path / "nowhere", out=tmp_path / "run")


def test_recipes_of_a_past_study_are_tried_right_after_the_default(first, data, tmp_path):
    settings = [*SETTINGS[:-3], f"search.learn_from=[{first.run}]"]
    result = mp.tune(data, target="y", settings=settings, n_trials=8, out=tmp_path / "run")
    suggested = [s["chosen"] for s in result.summary()["suggested"]]
    assert suggested
    found = trials(result)
    assert [found[1 + place]["chosen"] for place in range(len(suggested))] == suggested
