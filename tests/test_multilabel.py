"""Several labels a row, from a file to answers, a scorecard and a report."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import mapsto
from mapsto.errors import RecipeError

NAMES = np.array(["rain", "wind", "fog", "hail"])
SETTINGS = [
    "model.name=mlp",
    "model.hidden_dim=64",
    "model.normalization=batch",
    "data.scale=standard",
    "optimizer.learning_rate=0.01",
    "training.max_epochs=20",
    "seed=1",
]


def weather(rows=500, seed=0):
    """Each label follows from the columns by a rule of its own; some rows have none."""
    rng = np.random.default_rng(seed)
    x, city = rng.normal(size=(rows, 4)), rng.choice(["north", "south", "west"], rows)
    flags = np.stack([x[:, 0] > 0.3, x[:, 1] + x[:, 2] > 0.5, city == "west", x[:, 3] > 1.3], axis=1)
    return pd.DataFrame(x, columns=list("pqrs")).assign(city=city), flags


def joined(flags, separator="|"):
    return [separator.join(sorted(NAMES[row])) for row in flags]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("multilabel")
    frame, flags = weather()
    frame.assign(sky=joined(flags)).to_csv(place / "sky.csv", index=False)
    return place / "sky.csv", mapsto.train(place / "sky.csv", target="sky", settings=SETTINGS, out=place / "run")


def test_labels_are_learned_and_scored_one_by_one(run):
    _, result = run
    assert result.summary()["task"]["name"] == "multilabel_table"
    metrics = result.scorecard.metrics
    assert list(metrics) == ["mean_average_precision", "f1", "micro_f1", "subset_accuracy"]
    assert metrics["mean_average_precision"].value > 0.9
    assert metrics["micro_f1"].value > 0.85
    assert all(score.low < score.value < score.high for score in metrics.values())
    assert [score.name for score in result.scorecard.per_class] == sorted(NAMES)
    assert result.scorecard.confusion is None
    assert np.mean([score.recall for score in result.scorecard.per_class]) > 0.7


def test_scores_of_labels_are_those_of_the_stored_predictions(run):
    _, result = run
    with np.load(result.run / "evaluation" / "predictions.npz") as stored:
        answered, true = stored["predictions"] >= 0.5, stored["targets"] == 1
    for place, score in enumerate(result.scorecard.per_class):
        assert score.rows == true[:, place].sum()
        assert score.precision == pytest.approx(true[answered[:, place], place].mean())
        assert score.recall == pytest.approx(answered[true[:, place], place].mean())


def test_new_rows_are_answered_with_their_labels(run):
    _, result = run
    frame, flags = weather(200, seed=5)
    answers = mapsto.predict(result.run, frame)
    assert list(answers.columns) == ["answer", "p(fog)", "p(hail)", "p(rain)", "p(wind)"]
    assert np.mean(answers["answer"].to_numpy() == np.array(joined(flags))) > 0.6
    shown = [set(answer.split("|")) - {""} for answer in answers["answer"]]
    sure = answers.iloc[:, 1:].to_numpy() >= 0.5
    assert shown == [set(np.array(sorted(NAMES))[row]) for row in sure]
    assert "" in set(answers["answer"])
    card = mapsto.evaluate(result.run, frame.assign(sky=joined(flags)))
    assert card.metrics["mean_average_precision"].value > 0.9


def test_plain_methods_stand_beside_it(run):
    _, result = run
    found = {b["title"]: b["metrics"] for b in result.summary()["baselines"]}
    assert list(found) == [
        "always the most common set of labels",
        "logistic regression, a model a label",
        "gradient-boosted trees, a model a label",
    ]
    scores = [metrics["mean_average_precision"]["value"] for metrics in found.values()]
    assert scores[0] < 0.5 < 0.95 < min(scores[1:])


def test_the_report_shows_every_label_in_both_languages(run):
    _, result = run
    english = (result.run / "report.html").read_text("utf-8")
    assert "mean average precision" in english
    assert "sum of the labels" in english
    for name in NAMES:
        assert f">{name}<" in english
    chinese = result.report(result.run / "zh.html", language="zh").read_text("utf-8")
    assert "平均精度均值" in chinese
    assert "各标签误差之和" in chinese


def test_columns_of_0_and_1_give_the_same_network(run, tmp_path):
    _, result = run
    frame, flags = weather()
    for place, name in enumerate(NAMES):
        frame[name] = flags[:, place].astype(int)
    other = mapsto.train(frame, target="rain,wind,fog,hail", settings=SETTINGS, out=tmp_path / "run")
    new, _ = weather(50, seed=7)
    first, second = mapsto.predict(result.run, new), mapsto.predict(other.run, new)
    np.testing.assert_array_equal(first.iloc[:, 1:], second.iloc[:, 1:])
    assert [a.split("|") for a in first["answer"]] == [a.split(",") for a in second["answer"]]
    card = mapsto.evaluate(other.run, frame)
    assert card.rows == 500


@pytest.mark.parametrize("loss", ["focal", "asymmetric"])
def test_other_losses_learn_the_labels_too(run, loss, tmp_path):
    source, _ = run
    result = mapsto.train(source, target="sky", settings=[*SETTINGS, f"loss.name={loss}"], out=tmp_path / "run")
    assert result.scorecard.metrics["mean_average_precision"].value > 0.85


def test_texts_are_learned_and_tuned(tmp_path):
    rng = np.random.default_rng(0)
    words = {
        "sport": ["goal", "match", "team"],
        "money": ["bank", "stock", "price"],
        "film": ["actor", "scene", "plot"],
    }
    flags = rng.random((400, 3)) < 0.4
    rows = []
    for row in flags:
        said = [str(rng.choice(words[name])) for name, has in zip(words, row, strict=True) if has for _ in range(2)]
        filler = [f"w{number}" for number in rng.integers(0, 60, 6)]
        rows.append(" ".join(rng.permutation([*said, *filler])))
    frame = pd.DataFrame({"text": rows, "topics": [", ".join(np.array(list(words))[row]) for row in flags]})
    frame.to_csv(tmp_path / "texts.csv", index=False)
    settings = [
        "model.name=rnn",
        "training.max_epochs=15",
        "search.n_trials=2",
        "model.hidden_dim=32",
        "optimizer.learning_rate=0.006",
    ]
    result = mapsto.tune(tmp_path / "texts.csv", target="topics", budget="60s", settings=settings, out=tmp_path / "run")
    assert result.summary()["task"]["name"] == "multilabel_text"
    assert result.scorecard.metrics["mean_average_precision"].value > 0.9
    assert json.loads((result.run / "results.json").read_text())["objective"]["name"] == "mean_average_precision"


def test_images_are_learned(tmp_path):
    rng = np.random.default_rng(0)
    flags = rng.random((300, 3)) < 0.4
    pixels = rng.integers(0, 60, (300, 12, 12), dtype=np.uint8)
    for place in range(3):
        pixels[flags[:, place], 4 * place : 4 * place + 4] += 120
    names = np.array(["top", "middle", "bottom"])
    cells = np.array(["|".join(names[row]) for row in flags])
    settings = ["training.max_epochs=6", "model.channels=8", "model.head=flatten"]
    result = mapsto.train((pixels, cells), task="multilabel_image", settings=settings, out=tmp_path / "run")
    assert result.scorecard.metrics["subset_accuracy"].value > 0.8


def test_what_needs_one_class_a_row_is_refused(run, tmp_path):
    source, _ = run
    for setting, cause in (
        ("training.balance=oversample", "its rows have no classes"),
        ("loss.name=triplet", "fits: bin"),
    ):
        with pytest.raises(RecipeError, match=cause):
            mapsto.train(source, target="sky", task="multilabel_table", settings=[setting], out=tmp_path / "no")


def test_members_of_an_ensemble_answer_labels_too(run, tmp_path):
    source, _ = run
    settings = ["model.name=tabm", "model.num_members=4", "training.max_epochs=40", "optimizer.learning_rate=0.01"]
    result = mapsto.train(source, target="sky", settings=settings, out=tmp_path / "run")
    assert result.scorecard.metrics["micro_f1"].value > 0.8
