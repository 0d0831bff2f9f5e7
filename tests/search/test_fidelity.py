"""What a trial is given more of while it does well, what else than the score counts, and what is too much."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mapsto as mp
from mapsto.errors import RecipeError, TrainingError
from mapsto.search.pruners.halving import Halving

SETTINGS = [
    "model.name=mlp", "model.hidden_dim=int(4, 64, log=True)", "optimizer.learning_rate=log(1e-3, 1e-1)",
    "training.max_epochs=9", "search.num_seeds=2", "search.finalists=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    found = pd.DataFrame(rng.normal(size=(400, 5)), columns=list("abcde"))
    found["group"] = np.where(rng.random(400) < 0.4, "m", "f")
    found["y"] = np.where(found["a"] * found["b"] + 0.3 * rng.normal(size=400) > 0, "up", "down")
    return found


def explored(frame, tmp_path, *settings, n_trials=8):
    result = mp.tune(frame, target="y", settings=[*SETTINGS, *settings], n_trials=n_trials, out=tmp_path / "run")
    return result, [trial for trial in result.summary()["trials"] if trial["phase"] == "explore"]


def units(trial):
    return [unit for unit, _ in trial["curve"]]


def test_poor_recipes_see_a_part_of_the_rows(frame, tmp_path):
    _, trials = explored(frame, tmp_path, "search.fidelity=examples", "search.pruner=halving")
    whole, stopped = ([t for t in trials if t["state"] == state] for state in ("complete", "pruned"))
    assert whole
    assert stopped
    rows = units(whole[0])
    assert rows == [round(rows[-1] / 9), round(rows[-1] / 3), rows[-1]]
    assert all(units(t) == rows[: len(t["curve"])] for t in stopped)


def test_a_recipe_that_is_clearly_worse_after_two_folds_is_not_given_all(frame, tmp_path):
    settings = ["search.fidelity=folds", "data.num_folds=4", "optimizer.learning_rate=choice(0.00001, 0.03)"]
    result, trials = explored(frame, tmp_path, *settings, n_trials=10)
    whole, stopped = ([t for t in trials if t["state"] == state] for state in ("complete", "pruned"))
    assert [units(t) for t in whole] == [[1, 2, 3, 4]] * len(whole)
    assert stopped
    assert {len(t["curve"]) for t in stopped} <= {2, 3}
    assert 0.00001 in {t["chosen"]["optimizer.learning_rate"] for t in stopped}
    assert max(t["score"] for t in whole) > max(t["score"] for t in stopped)
    assert result.summary()["search"]["pruner"] == "racing"


def test_a_trial_of_several_seeds_has_their_mean(frame, tmp_path):
    settings = ["search.fidelity=seeds", "search.num_seeds=3", "search.pruner=off"]
    result, trials = explored(frame, tmp_path, *settings, n_trials=2)
    for trial in trials:
        assert units(trial) == [1, 2, 3]
        assert trial["score"] == trial["curve"][-1][1][0]
        stages = [result.run / "trials" / f"{trial['number']:04d}" / place for place in ("", "stage2", "stage3")]
        assert all((stage / "trace.jsonl").exists() for stage in stages)


def test_racing_needs_folds_or_seeds(frame, tmp_path):
    with pytest.raises(RecipeError, match="racing.*search.fidelity"):
        explored(frame, tmp_path, "search.pruner=racing")


def test_what_was_stopped_early_goes_on_as_if_it_had_not_been(tmp_path, monkeypatch):
    """A stopped trial is continued; its curve is that of the same recipe and seed trained in one go."""

    def thaws(pruner, problem, history, going_on=()):
        taken = {outcome.starts_from for outcome in history} | set(going_on)
        return next((o.number for o in history if o.state == "pruned" and o.number not in taken), None)

    monkeypatch.setattr(Halving, "thaws", thaws)
    settings = [
        "model.name=mlp", "model.hidden_dim=int(4, 64, log=True)", "optimizer.learning_rate=log(1e-4, 1e-1)",
        "training.max_epochs=9", "search.num_seeds=1", "search.finalists=1", "search.sampler=random",
    ]  # fmt: skip
    result = mp.tune("digits", settings=[*settings, "search.pruner=halving"], n_trials=12, out=tmp_path / "run")
    trials = {t["number"]: t for t in result.summary()["trials"] if t["phase"] == "explore"}
    continued = [t for t in trials.values() if t["starts_from"] is not None]
    assert continued
    for trial in continued:
        origin = trials[trial["starts_from"]]
        assert (trial["chosen"], trial["seed"]) == (origin["chosen"], origin["seed"])
        assert trial["curve"][: len(origin["curve"])] == origin["curve"]
        values = {f"{name}": value for name, value in trial["chosen"].items()} | {"training.seed": trial["seed"]}
        alone = mp.train(
            "digits", space={"model.name": "mlp", "training.max_epochs": 9, **values}, out=tmp_path / "alone",
            overwrite=True,
        )  # fmt: skip
        first = alone.summary()["trials"][0]
        assert first["curve"][: len(trial["curve"])] == trial["curve"]


def test_a_population_inherits_weights(frame, tmp_path):
    result, trials = explored(frame, tmp_path, "search.sampler=pbt")
    assert result.summary()["search"]["pruner"] == "off"  # a member that is behind takes over another's weights
    begun = [t for t in trials if t["starts_from"] is not None]
    assert len(begun) == 4
    for trial in begun:
        origin = trials[trial["starts_from"]]
        assert units(trial)[0] == units(origin)[-1] + 1
        assert trial["chosen"]["model.hidden_dim"] == origin["chosen"]["model.hidden_dim"]


def test_several_objectives_have_a_front(frame, tmp_path):
    settings = ["search.objectives=[parameters, roc_auc]", "search.pruner=halving"]
    result, trials = explored(frame, tmp_path, *settings)
    front = result.summary()["front"]
    assert front
    whole = [t for t in trials if t["state"] == "complete"]
    for point in front:
        assert not any(
            other["values"]["accuracy"] >= point["values"]["accuracy"]
            and other["values"]["roc_auc"] >= point["values"]["roc_auc"]
            and other["values"]["parameters"] < point["values"]["parameters"]
            for other in whole
        )


def test_a_fairness_gap_is_the_largest_difference_between_groups(frame, tmp_path):
    settings = ["search.objectives=[fairness_gap]", "search.fairness_column=group", "search.pruner=off"]
    _, trials = explored(frame, tmp_path, *settings, n_trials=2)
    assert all(0 <= t["values"]["fairness_gap"] <= 1 for t in trials)
    with pytest.raises(mp.MapstoError, match='no column "nowhere"'):
        mp.tune(frame, target="y", settings=[*SETTINGS, *settings[:1], "search.fairness_column=nowhere"], n_trials=2,
                out=tmp_path / "other")  # fmt: skip


def test_recipes_beyond_a_limit_are_infeasible_and_not_trained(frame, tmp_path):
    result, trials = explored(frame, tmp_path, "search.max_parameters=500")
    beyond = [t for t in trials if t["state"] == "infeasible"]
    assert beyond
    assert all(t["steps"] == 0 and t["violations"]["parameters"] > 0 for t in beyond)
    assert all(t["parameters"] <= 500 for t in trials if t["state"] == "complete")
    assert result.summary()["trials"][0]["state"] == "complete"


def test_a_space_that_is_all_beyond_the_limit_says_so(frame, tmp_path):
    with pytest.raises(TrainingError, match="more than the 5 parameters"):
        explored(frame, tmp_path, "search.max_parameters=5")
