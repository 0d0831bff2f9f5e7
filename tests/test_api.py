"""The whole way, on small real data: what a study leaves behind, and what it promises."""

import json
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

import mapsto as mp

FAST = ["model.name=mlp", "model.hidden_dim=32", "training.max_epochs=6", "search.num_seeds=2"]
SEARCH = [*FAST, "optimizer.learning_rate=log(1e-3, 1e-1)", "model.activation=choice(relu, tanh)"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "digits"
    return mp.tune("digits", settings=SEARCH, n_trials=5, out=out)


def test_the_run_folder_is_as_designed(study):
    run = study.run
    for name in ("study.yaml", "study.journal", "environment.json", "results.json", "report.html", "tensorboard"):
        assert (run / name).exists(), name
    for name in ("model.safetensors", "recipe.yaml", "preprocessing.json", "card.md"):
        assert (run / "best" / name).exists(), name
    for name in ("recipe.yaml", "trace.jsonl", "result.json", "log.txt"):
        assert (run / "trials" / "0000" / name).exists(), name
    assert len(list((run / "data").glob("*/inputs.npy"))) == 1


def test_the_default_recipe_is_the_first_trial(study):
    first = json.loads((study.run / "trials" / "0000" / "result.json").read_text())
    recipe = mp.Recipe.from_yaml((study.run / "trials" / "0000" / "recipe.yaml").read_text())
    assert first["chosen"]["optimizer.learning_rate"] == 2e-3 == recipe.optimizer.learning_rate
    assert first["chosen"]["model.activation"] == "relu"


def test_the_winner_is_named_from_repeated_seeds(study):
    summary = study.summary()
    confirmed = [trial for trial in summary["trials"] if trial["phase"] == "confirm"]
    validation = summary["winner"]["validation"]
    scores = [trial["score"] for trial in confirmed if trial["of"] == summary["winner"]["number"]]
    assert validation["scores"] == scores
    assert validation["mean"] == pytest.approx(np.mean(scores))
    assert {trial["of"] for trial in confirmed} >= {0}
    assert summary["verdict_text"]


def test_recipes_are_compared_on_the_same_seeds(study):
    seeds = {}
    for trial in study.summary()["trials"]:
        if trial["phase"] == "confirm":
            seeds.setdefault(trial["of"], []).append(trial["seed"])
    assert len({tuple(found) for found in seeds.values()}) == 1
    assert len(set(next(iter(seeds.values())))) == 2


def test_the_test_score_is_that_of_the_saved_model_on_rows_never_used(study):
    saved = np.load(study.run / "evaluation" / "predictions.npz")
    from mapsto.data.prepare import load_prepared

    prepared = load_prepared(study.run / "data")
    assert np.array_equal(saved["rows"], prepared.parts["test"])
    assert not set(saved["rows"]) & (set(prepared.parts["train"]) | set(prepared.parts["validation"]))
    answers = study.best.predict("digits")["answer"].to_numpy()[saved["rows"]]
    truth = np.array([str(target) for target in saved["targets"]])
    assert np.mean(answers == truth) == study.scorecard.metrics["accuracy"].value


def test_the_same_study_again_gives_the_same_recipes_and_scores(study, tmp_path):
    again = mp.tune("digits", settings=SEARCH, n_trials=5, out=tmp_path / "again")
    columns = ["trial", "score", "state", "optimizer.learning_rate", "model.activation"]
    pd.testing.assert_frame_equal(study.leaderboard()[columns], again.leaderboard()[columns], check_exact=True)
    assert again.scorecard.to_json() == study.scorecard.to_json()


def test_study_yaml_repeats_the_study(study, tmp_path):
    again = mp.tune(recipe=study.run / "study.yaml", out=tmp_path / "again")
    assert list(again.leaderboard()["score"]) == list(study.leaderboard()["score"])


def test_a_loaded_model_predicts_the_same_bit_for_bit(study):
    one, two = mp.load(study.run), mp.load(study.run / "best")
    pd.testing.assert_frame_equal(one.predict("digits"), two.predict("digits"), check_exact=True)


def test_a_saved_model_loads_in_another_process(study):
    code = f"import mapsto; print(mapsto.predict({str(study.run)!r}, 'digits')['p(3)'].sum().item().hex())"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == study.best.predict("digits")["p(3)"].sum().item().hex()


def test_resuming_a_finished_study_changes_nothing(study):
    before = (study.run / "results.json").read_bytes()
    assert mp.resume(study.run).run == study.run
    assert (study.run / "results.json").read_bytes() == before


def test_tune_keeps_its_budget(tmp_path):
    started = time.perf_counter()
    result = mp.tune("digits", budget="12s", settings=["model.channels=int(4, 16)"], out=tmp_path / "run")
    assert time.perf_counter() - started < 12 * 1.05 + 2.5
    assert result.summary()["budget"]["seconds"] == 12
    assert result.scorecard.metrics["accuracy"].value > 0.5


def test_a_budget_too_short_for_one_epoch_still_gives_a_model(tmp_path):
    settings = ["training.batch_size=1", "model.channels=32"]
    result = mp.tune("digits", budget="3s", settings=settings, out=tmp_path / "run")
    assert len(result.best.predict("digits")) == 1797


def test_train_trains_one_recipe(tmp_path):
    result = mp.train("digits", settings=FAST, out=tmp_path / "run")
    summary = result.summary()
    assert [trial["phase"] for trial in summary["trials"]] == ["explore"]
    assert summary["verdict"] is None


def test_train_refuses_ranges(tmp_path):
    with pytest.raises(mp.RecipeError, match=r"`train` takes one recipe, and `model\.dropout` is a range"):
        mp.train("digits", settings=["model.dropout=uniform(0, 0.5)"], out=tmp_path / "run")


def test_a_failing_recipe_is_an_observation(tmp_path):
    settings = [*FAST[1:], "model.name=cnn", "model.num_blocks=choice(2, 8)", "model.channels=4"]
    settings = [s for s in settings if "hidden" not in s]
    result = mp.tune("digits", settings=[*settings, "search.sampler=grid"], out=tmp_path / "run")
    board = result.leaderboard()
    assert set(board["state"]) == {"complete", "failed"}
    (cause,) = set(board[board["state"] == "failed"]["cause"])
    assert "poolings leave nothing of an image of 8×8 pixels" in cause


def test_if_nothing_trains_the_error_says_why(tmp_path):
    with pytest.raises(mp.TrainingError, match="No recipe could be trained .*poolings leave nothing"):
        mp.train("digits", settings=["model.num_blocks=8"], out=tmp_path / "run")


def test_arrays_and_frames_are_data_too(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3))
    frame = pd.DataFrame(x, columns=["a", "b", "c"]).assign(y=3 * x[:, 0] - x[:, 1] + 0.1 * rng.normal(size=400))
    settings = ["training.max_epochs=40", "model.hidden_dim=32"]
    result = mp.train(frame, target="y", settings=settings, out=tmp_path / "frame")
    assert result.scorecard.metrics["r2"].value > 0.9
    classes = np.where(x[:, 0] > 0, "high", "low")
    result = mp.train((x, classes), settings=settings, out=tmp_path / "arrays")
    assert result.scorecard.metrics["accuracy"].value > 0.9
    assert set(result.best.predict(x[:5])["answer"]) <= {"high", "low"}


def test_the_grid_is_searched_whole(tmp_path):
    space = {"model.activation": mp.choice("relu", "tanh"), "model.num_layers": mp.int(1, 2)}
    result = mp.tune("digits", space=space, settings=[*FAST, "search.sampler=grid"], out=tmp_path / "run")
    tried = result.leaderboard()[["model.activation", "model.num_layers"]].drop_duplicates()
    assert len(tried) == 4


def test_a_data_setting_can_be_searched(tmp_path):
    space = {"data.scale": mp.choice("standard", "none")}
    result = mp.tune("digits", space=space, settings=[*FAST, "search.sampler=grid"], out=tmp_path / "run")
    assert len(list((result.run / "data").glob("*/inputs.npy"))) == 2


def test_rows_that_cannot_be_scored_are_named_and_not_counted_as_wrong(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=120)})
    frame["y"] = np.where(frame["x"] > 0, "yes", "no")
    run = mp.train(frame, target="y", settings=["training.max_epochs=2"], out=tmp_path / "run").run
    unknown = frame.assign(y=frame["y"].where(frame.index > 1, "maybe"))
    with pytest.raises(mp.MapstoError, match=r'2 of 120 rows .* target "y" is missing or was not there in training'):
        mp.evaluate(run, unknown)


def test_a_remark_beside_a_table_does_not_make_it_a_text_task():
    from mapsto.data.read import read
    from mapsto.recipe.schema import DataOptions
    from mapsto.tasks._choice import choose

    rng = np.random.default_rng(0)
    words = np.asarray("one of many words that stand in the notes people write by hand each day".split())
    remarks = [" ".join(rng.choice(words, 9)) for _ in range(80)]
    frame = pd.DataFrame(rng.normal(size=(80, 6)), columns=list("abcdef")).assign(remark=remarks, y=["u", "v"] * 40)
    assert choose(read(frame, options=DataOptions(target="y"))) == "tabular_classification"
    assert choose(read(frame[["a", "remark", "y"]], options=DataOptions(target="y"))) == "text_classification"


def test_scores_on_the_training_data_are_told_apart(tmp_path, caplog):
    frame = pd.DataFrame({"x": np.arange(90.0), "y": ["a", "b", "b"] * 30})
    run = mp.train(frame, target="y", settings=["training.max_epochs=1"], out=tmp_path / "run").run
    mp.evaluate(run, frame)
    assert "is what the network was trained on" in caplog.text
    caplog.clear()
    mp.evaluate(run, frame.iloc[:60])
    assert caplog.text == ""


def test_rows_to_score_are_read_as_the_training_rows_were(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=120), "day": pd.date_range("2024-01-01", periods=120)})
    frame["y"] = np.where(frame["x"] > 0, "yes ", "no")
    frame.loc[frame.index[::7], "y"] = frame.loc[frame.index[::7], "y"].str.strip()
    frame["day"] = frame["day"].dt.strftime("%d/%m/%Y")
    (tmp_path / "all.csv").write_text(frame.to_csv(index=False))
    run = mp.train(tmp_path / "all.csv", target="y", settings=["training.max_epochs=2"], out=tmp_path / "run").run
    (tmp_path / "few.csv").write_text(frame.head(2).to_csv(index=False))
    assert mp.evaluate(run, tmp_path / "few.csv").rows == 2
    assert mp.evaluate(run, tmp_path / "all.csv").rows == 120
    with pytest.raises(mp.MapstoError, match='has no column "y", so its rows cannot be scored'):
        mp.evaluate(run, frame.drop(columns="y"))


def test_levels_that_training_did_not_have_are_told_at_prediction(tmp_path, caplog):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=90), "city": ["Bonn", "Trier", "Ulm"] * 30})
    frame["y"] = np.where(frame["x"] > 0, "yes", "no")
    run = mp.train(frame, target="y", settings=["training.max_epochs=1"], out=tmp_path / "run").run
    mp.predict(run, frame.head(6))
    assert "training did not have" not in caplog.text
    mp.predict(run, frame.head(6).assign(city="Paris"))
    assert '"city" has levels that training did not have (Paris)' in caplog.text
