"""What a study does in its corners: no time left, limits changed, a recipe proposed twice, a metric not defined."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import mapsto as mp
from mapsto.errors import DataError, RecipeError
from mapsto.evaluation.comparison import fold_differences
from mapsto.search.plan import Plan

FAST = ["model.name=mlp", "model.hidden_dim=16", "training.max_epochs=4", "search.num_seeds=2"]


def confirmed(result):
    return [trial for trial in result.summary()["trials"] if trial["phase"] == "confirm"]


def test_a_final_training_without_time_does_not_replace_the_winner(tmp_path, monkeypatch):
    monkeypatch.setattr(Plan, "final_until", lambda plan: 0.0)
    settings = [*FAST, "optimizer.learning_rate=log(1e-3, 1e-2)"]
    result = mp.tune("digits", settings=settings, n_trials=2, out=tmp_path / "run")
    final = json.loads((result.run / "trials" / "final" / "result.json").read_text())
    assert (final["state"], final["steps"]) == ("stopped", 1)
    assert result.scorecard.metrics["accuracy"].value > 0.8


def test_a_finished_exploration_goes_on_with_more_trials(tmp_path, monkeypatch):
    import mapsto.search.study

    def interrupted(study):
        raise KeyboardInterrupt

    settings = [*FAST, "optimizer.learning_rate=log(1e-3, 1e-2)"]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(mapsto.search.study.Study, "confirm", interrupted)
        mp.tune("digits", settings=settings, n_trials=2, out=tmp_path / "run")
    with pytest.raises(RecipeError):
        mp.resume(tmp_path / "run", n_trials=-1)
    result = mp.resume(tmp_path / "run", n_trials=4)
    assert list(result.leaderboard()["trial"].sort_values()) == [0, 1, 2, 3]


def test_a_lost_report_is_written_again(tmp_path):
    result = mp.train("digits", settings=FAST, out=tmp_path / "run")
    (result.run / "report.html").unlink()
    mp.resume(result.run)
    assert (result.run / "report.html").exists()


def test_further_seeds_are_other_seeds_also_where_one_is_given(tmp_path):
    settings = [*FAST, "training.seed=5", "optimizer.learning_rate=choice(0.001, 0.003)"]
    result = mp.tune("digits", settings=settings, n_trials=2, out=tmp_path / "run")
    explored = {trial["seed"] for trial in result.summary()["trials"] if trial["phase"] == "explore"}
    assert explored == {5}
    assert len({trial["seed"] for trial in confirmed(result)} | explored) == 3


def test_a_recipe_that_was_proposed_twice_is_confirmed_once(tmp_path):
    settings = [*FAST, "model.activation=choice(relu, tanh)", "search.finalists=3"]
    result = mp.tune("digits", settings=settings, n_trials=6, out=tmp_path / "run")
    chosen = {trial["of"]: json.dumps(trial["chosen"]) for trial in confirmed(result)}
    assert len(chosen) == len(set(chosen.values())) == 2
    assert 0 in chosen


def test_a_metric_that_is_not_defined_ends_the_study_at_once_and_says_so(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 3)), np.asarray(["a"] * 58 + ["b"] * 2)
    with pytest.raises(DataError, match="ROC-AUC of the 9 validation rows is not defined.*search.metric"):
        mp.tune((x, y), settings=["search.metric=roc_auc"], n_trials=3, out=tmp_path / "run")


def test_a_leaderboard_of_an_unfinished_study_has_the_best_first(tmp_path, monkeypatch):
    import mapsto.search.study

    def interrupted(study):
        raise KeyboardInterrupt

    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    monkeypatch.setattr(mapsto.search.study.Study, "confirm", interrupted)
    space = {"optimizer.learning_rate": mp.log(1e-5, 1e-1)}
    with pytest.raises(KeyboardInterrupt):
        mp.tune((x, x[:, 0] * 3), space=space, settings=["training.max_epochs=3"], n_trials=4, out=tmp_path / "run")
    board = mp.open_run(tmp_path / "run").leaderboard()
    whole = board[board["state"] == "complete"]["score"]
    assert len(whole) >= 2
    assert list(whole) == sorted(whole)


def test_another_optimizer_is_searched_around_its_own_rate(tmp_path):
    result = mp.tune("digits", settings=[*FAST, "optimizer.name=sgd"], n_trials=1, out=tmp_path / "run")
    space = (result.run / "study.yaml").read_text()
    assert "learning_rate: log(0.005, 0.5)" in space
    assert result.leaderboard()["optimizer.learning_rate"][0] == 0.05


def test_a_finished_study_is_not_made_longer(tmp_path):
    result = mp.train("digits", settings=FAST, out=tmp_path / "run")
    with pytest.raises(mp.MapstoError, match="is finished.*mapsto tune .*study.yaml"):
        mp.resume(result.run, n_trials=9)


def test_a_grid_without_an_end_is_refused_before_a_folder_is_made(tmp_path):
    settings = ["search.sampler=grid", "optimizer.learning_rate=log(1e-3, 1e-2)"]
    with pytest.raises(RecipeError, match="Grid search needs a list of values"):
        mp.tune("digits", settings=settings, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


# ------------------------------------------------------------------------------------------------ folds


def blobs(rows=240):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, rows)
    return rng.normal(size=(rows, 4)) + y[:, None], np.where(y == 1, "yes", "no")


FOLDED = [
    "model.hidden_dim=8", "training.max_epochs=4", "search.num_seeds=2", "search.finalists=1", "data.num_folds=3",
    "optimizer.learning_rate=choice(0.00001, 0.02)", "search.sampler=grid",
]  # fmt: skip


def test_finalists_are_confirmed_on_every_fold_and_paired_on_the_same_rows(tmp_path, monkeypatch):
    import mapsto.search.confirming as confirming

    seen: dict = {}

    def recording(metric, candidate, default, targets, folds):
        seen.update(candidate=candidate, default=default, targets=targets, folds=folds)
        return fold_differences(metric, candidate, default, targets, folds)

    monkeypatch.setattr(confirming, "fold_differences", recording)
    result = mp.tune(blobs(), settings=FOLDED, n_trials=3, out=tmp_path / "run")
    summary = result.summary()
    assert {trial["fold"] for trial in summary["trials"] if trial["phase"] != "confirm"} == {0}
    runs = {number: [t for t in confirmed(result) if t["of"] == number] for number in (summary["winner"]["number"], 0)}
    assert len(runs) == 2
    for trials in runs.values():  # the fold that selected comes last, and each run has a seed of its own
        assert [trial["fold"] for trial in trials] == [1, 2, 0]
        assert len({trial["seed"] for trial in trials}) == 3
    assert [t["seed"] for t in runs[0]] == [t["seed"] for t in runs[summary["winner"]["number"]]]
    # Answers scored against the rows of their own fold give the very scores that the runs had.
    for trials, predictions in zip(runs.values(), (seen["candidate"], seen["default"]), strict=True):
        for trial, answers, targets in zip(trials, predictions, seen["targets"], strict=True):
            assert (answers.argmax(axis=1) == targets).mean() == pytest.approx(trial["score"])
    assert sum(len(targets) for targets in seen["targets"]) == 240 - summary["scorecard"]["rows"]
    assert "validation parts of the folds (95 % interval" in summary["verdict_text"]
    assert "3 folds)" in summary["verdict_text"]
    page = (result.run / "report.html").read_text()
    assert "fold after fold" in page
    assert "fresh seeds, its" not in page.replace("fold after fold and with fresh seeds, its", "")


def test_a_study_on_folds_goes_on_after_an_interruption(tmp_path, monkeypatch):
    import mapsto.search.study

    whole = mp.tune(blobs(), settings=FOLDED, n_trials=3, out=tmp_path / "whole")
    names = []
    run_all = mapsto.search.study.Study.run_all

    def interrupted(study, jobs):
        for job in jobs:
            if len(names) == 3:
                raise KeyboardInterrupt
            names.append(job.name)
            run_all(study, [job])

    x, y = blobs()
    path = tmp_path / "blobs.npz"
    np.savez(path, x=x, y=y)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(mapsto.search.study.Study, "run_all", interrupted)
        mp.tune(path, settings=FOLDED, n_trials=3, out=tmp_path / "run")
    result = mp.resume(tmp_path / "run")
    scores = [[(t["fold"], t["seed"], t["score"]) for t in confirmed(r)] for r in (whole, result)]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("ended", [1, 3, 6])
def test_a_heat_that_was_interrupted_goes_on_as_it_was_begun(tmp_path, monkeypatch, ended):
    import mapsto.search.study

    settings = [*FAST, "optimizer.learning_rate=log(1e-4, 1e-2)", "search.sampler=random", "search.pruner=off"]
    whole = mp.tune("digits", settings=settings, n_trials=7, out=tmp_path / "whole")
    run_all, heats = mapsto.search.study.Study.run_all, []

    def interrupted(study, jobs):
        for job in jobs:
            if len(heats) == ended:
                raise KeyboardInterrupt
            heats.append(job.name)
            run_all(study, [job])

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(mapsto.search.study.Study, "run_all", interrupted)
        mp.tune("digits", settings=settings, n_trials=7, out=tmp_path / "run")
    result = mp.resume(tmp_path / "run")
    runs = [[(t["phase"], t["number"], t["seed"], t["score"]) for t in r.summary()["trials"]] for r in (whole, result)]
    assert runs[0] == runs[1]
    assert sum(phase == "heat" for phase, *_ in runs[0]) > 3


def test_one_recipe_is_trained_on_the_fold_that_is_named(tmp_path):
    settings = [*FOLDED[:-2], "data.fold=2"]
    result = mp.train(blobs(), settings=settings, out=tmp_path / "run")
    assert [trial["fold"] for trial in result.summary()["trials"]] == [2]
    assert any("Fold 2 of 3" in note["message"] for note in result.summary()["notes"])


def test_data_that_are_refused_replace_no_run_and_leave_none(tmp_path):
    good, bad = pd.DataFrame({"x": range(60), "y": ["a", "b"] * 30}), pd.DataFrame({"x": [1] * 9, "y": list("abc") * 3})
    settings = ["training.max_epochs=1"]
    first = mp.train(good, target="y", settings=settings, out=tmp_path / "run")
    before = first.scorecard
    with pytest.raises(DataError):
        mp.train(bad, target="y", settings=settings, out=tmp_path / "run", overwrite=True)
    assert mp.evaluate(tmp_path / "run") == before
    with pytest.raises(DataError):
        mp.train(bad, target="y", settings=settings, out=tmp_path / "other")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_study_goes_on_where_its_folder_was_moved_to(tmp_path, monkeypatch):
    import mapsto.search.study

    def interrupted(study):
        raise KeyboardInterrupt

    settings = [*FAST, "optimizer.learning_rate=log(1e-3, 1e-2)"]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(mapsto.search.study.Study, "confirm", interrupted)
        mp.tune("digits", settings=settings, n_trials=2, out=tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    result = mp.resume(tmp_path / "there", n_trials=3)
    assert len(result.leaderboard()) == 3
    journal = [json.loads(line) for line in (result.run / "study.journal").read_text().splitlines()]
    assert len({entry["study_name"] for entry in journal if "study_name" in entry}) == 1


@pytest.mark.parametrize("budget", [1_728_000, 1_234_567.8, 90])
def test_a_budget_in_seconds_may_be_long(budget):
    from mapsto._given import limits
    from mapsto.recipe.budget import parse_budget

    assert parse_budget(limits(budget, None)["search.budget"]) == budget


def test_a_finished_run_is_replaced(tmp_path):
    first = mp.train("digits", settings=FAST, out=tmp_path / "run").summary()
    again = mp.train("digits", settings=[*FAST, "seed=1"], out=tmp_path / "run", overwrite=True).summary()
    assert first["recipe_yaml"] != again["recipe_yaml"]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_fault_before_the_data_are_accepted_brings_the_replaced_run_back(tmp_path, monkeypatch):
    mp.train("digits", settings=FAST, out=tmp_path / "run")
    monkeypatch.setattr("mapsto._runs.completed", lambda *given, **named: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        mp.train("digits", settings=FAST, out=tmp_path / "run", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert (tmp_path / "run" / "report.html").is_file()
