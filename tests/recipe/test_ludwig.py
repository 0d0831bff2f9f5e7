"""Configurations of Ludwig as spaces."""

import numpy as np
import pandas as pd
import pytest

import mapsto as mp
from mapsto.errors import RecipeError
from mapsto.recipe.ranges import Int, Log
from mapsto.recipe.space import Space

CONFIG = """\
model_type: ecd
input_features:
  - {name: age, type: number}
  - {name: plan, type: category}
output_features:
  - {name: churned, type: binary}
combiner: {type: concat, num_fc_layers: 1, output_size: 16, dropout: 0.1}
preprocessing: {split: {type: random, probabilities: [0.6, 0.2, 0.2]}}
trainer:
  epochs: 4
  batch_size: 32
  learning_rate: 0.01
  early_stop: -1
  optimizer: {type: sgd, momentum: 0.8}
  learning_rate_scheduler: {decay: cosine}
hyperopt:
  goal: maximize
  metric: accuracy
  parameters:
    trainer.learning_rate: {space: loguniform, lower: 0.001, upper: 0.1}
    combiner.output_size: {space: randint, lower: 8, upper: 33}
  executor: {num_samples: 3}
"""


def written(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return path


def test_its_keys_become_settings_and_ranges(tmp_path):
    space = Space.from_file(written(tmp_path, CONFIG))
    assert space.ranges == {"optimizer.learning_rate": Log(0.001, 0.1), "model.hidden_dim": Int(8, 32)}
    expected = {
        "data.columns": {"age": "numeric", "plan": "category", "churned": "category", "*": "ignore"},
        "data.target": "churned", "data.validation_share": 0.2, "data.test_share": 0.2,
        "model.name": "mlp", "model.num_layers": 1,
        "model.dropout": 0.1, "training.max_epochs": 4, "training.batch_size": 32, "training.patience": 0,
        "optimizer.name": "sgd", "optimizer.momentum": 0.8, "schedule.name": "cosine", "search.metric": "accuracy",
        "search.n_trials": 3,
    }  # fmt: skip
    assert {name: space.leaves[name] for name in expected} == expected


def test_a_study_runs_from_it(tmp_path):
    rows = [{"age": 20 + n % 50, "plan": ("basic", "pro")[n % 2], "churned": int(n % 50 < 20)} for n in range(200)]
    settings = ["search.finalists=1", "search.num_seeds=1", "training.max_epochs=1"]
    result = mp.tune(rows, recipe=written(tmp_path, CONFIG), settings=settings, n_trials=2, out=tmp_path / "run")
    assert len(result.leaderboard()) == 2
    assert result.best.recipe.optimizer.name == "sgd"


def test_columns_that_are_not_listed_are_no_inputs(tmp_path):
    rng = np.random.default_rng(0)
    churned = rng.integers(0, 2, 200)
    frame = pd.DataFrame({"age": rng.normal(size=200), "plan": rng.choice(["a", "b"], 200), "churned": churned})
    frame["leak"] = churned
    settings = ["training.max_epochs=5", "search.finalists=1", "search.num_seeds=1"]
    result = mp.tune(frame, recipe=written(tmp_path, CONFIG), settings=settings, n_trials=1, out=tmp_path / "run")
    assert result.best.preprocessing.specs["inputs"].names == ("age", "plan=a", "plan=b")
    assert result.scorecard.metrics["accuracy"].value < 0.8
    np.testing.assert_array_equal(
        result.best.predict(frame).to_numpy(), result.best.predict(frame[["plan", "age"]]).to_numpy()
    )


REFUSED = {
    "an unknown key": ("epochs: 4", "steps_per_checkpoint: 4", "`trainer.steps_per_checkpoint` is not read"),
    "two outputs": (
        "  - {name: churned, type: binary}", "  - {name: a, type: binary}\n  - {name: b, type: binary}", "one feature",
    ),
    "an unknown type": ("{name: plan, type: category}", "{name: plan, type: h3}", "plan is of type h3"),
    "an encoder": ("type: category}", "type: category, encoder: {type: dense}}", "`encoder` of the feature plan"),
    "an unknown space": ("space: loguniform", "space: quniform", "`trainer.learning_rate` is quniform"),
    "no yaml": ("model_type: ecd", "model_type: [", "is not YAML"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_named(tmp_path, name):
    old, new, message = REFUSED[name]
    with pytest.raises(RecipeError, match=message):
        Space.from_file(written(tmp_path, CONFIG.replace(old, new)))
