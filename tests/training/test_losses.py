"""Losses and weights of rows by their effect on what a network learns."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import mean_poisson_deviance

from mapsto.data.prepare import prepare
from mapsto.data.read import read
from mapsto.errors import DataError, RecipeError
from mapsto.recipe.schema import DataOptions
from mapsto.recipe.space import Space
from mapsto.training.batches import Tensors
from mapsto.training.fitted import Fitted
from mapsto.training.loop import TorchTrainer

REGRESSION = [
    "task.name=tabular_regression",
    "data.target=y",
    "model.hidden_dim=32",
    "model.num_layers=1",
    "optimizer.learning_rate=0.01",
    "schedule.name=one_cycle",
    "training.batch_size=64",
    "training.max_epochs=25",
    "training.patience=0",
    "training.seed=1",
]
DIGITS = [
    "task.name=image_classification",
    "model.name=mlp",
    "model.hidden_dim=32",
    "model.num_layers=1",
    "optimizer.learning_rate=0.005",
    "training.batch_size=64",
    "training.max_epochs=12",
    "training.seed=1",
]


def trained(source, settings, folder, stop=True):
    recipe = Space.from_settings(settings).recipe({})
    table = read(source, options=recipe.data)
    prepared = prepare(table, task=recipe.task, recipe_data=recipe.data, seed=0, folder=folder)
    trainer = TorchTrainer(recipe, prepared, Tensors(prepared, "cpu"))
    measured = list(trainer.advance(recipe.training.max_epochs)) if stop else []
    return trainer, measured


def on_test_rows(trainer):
    """Answers and truth, in the target's own unit, and the rows."""
    rows = trainer.prepared.parts["test"]
    encoder = trainer.prepared.encoders["targets"]
    return (
        trainer.predict(rows),
        trainer.task.truth(np.asarray(trainer.prepared.arrays["targets"][rows]), encoder),
        rows,
    )


def weak_signal():
    """A target with a little signal and much noise, wide to one side."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 2))
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": 100 + 3 * x[:, 0] + 10 * rng.exponential(size=4000)})


@pytest.mark.parametrize("q", [0.1, 0.9])
def test_a_share_q_of_the_targets_lies_below_the_quantile(q, tmp_path):
    trainer, measured = trained(weak_signal(), [*REGRESSION, "loss.name=quantile", f"loss.quantile={q}"], tmp_path)
    answers, truth, _ = on_test_rows(trainer)
    assert len(truth) == 600
    assert np.mean(truth < answers) == pytest.approx(q, abs=0.04)
    # The best weights are those of the least loss: by the RMSE the answers nearest to the mean would win.
    assert trainer.best.validation_loss == min(measurement.validation_loss for measurement in measured)


def test_poisson_learns_rates(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 2))
    rate = np.exp(1 + 0.7 * x[:, 0] - 0.4 * x[:, 1])
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": rng.poisson(rate)})
    settings = [*REGRESSION, "data.columns.y=numeric", "loss.name=poisson", "model.num_layers=0"]
    trainer, _ = trained(frame, settings, tmp_path)
    answers, truth, rows = on_test_rows(trainer)
    assert answers.min() > 0
    np.testing.assert_allclose(
        answers, rate[rows], rtol=0.2
    )  # the link is that of the rates: nothing but noise is left
    assert np.median(np.abs(answers / rate[rows] - 1)) < 0.05
    assert mean_poisson_deviance(truth, answers) < 1.02 * mean_poisson_deviance(truth, rate[rows])
    frame["y"] -= 1
    with pytest.raises(DataError, match=r'`loss.name: poisson` is for targets that are 0 or more.*"y" goes down to -1'):
        trained(frame, settings, tmp_path)


def test_a_saved_model_answers_by_the_link_of_its_loss(tmp_path):
    frame = weak_signal()
    trainer, _ = trained(frame, [*REGRESSION, "loss.name=poisson", "training.max_epochs=2"], tmp_path)
    trainer.fitted().save(tmp_path / "model")
    rows = trainer.prepared.parts["test"]
    loaded = Fitted.load(tmp_path / "model").predict(frame.iloc[rows])
    np.testing.assert_allclose(loaded["answer"], trainer.predict(rows), rtol=1e-6)
    assert loaded["answer"].between(50, 200).all()


def test_outliers_pull_the_absolute_and_the_huber_loss_less(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 2))
    clean = x[:, 0] * 2 + rng.normal(size=2000) * 0.2
    far = rng.random(2000) < 0.1
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": clean + 30 * far})
    errors = {}
    for loss in ("mse", "mae", "huber"):
        settings = [*REGRESSION, f"loss.name={loss}", "search.metric=mae"]
        trainer, _ = trained(frame, [*settings, "loss.delta=0.1"] if loss == "huber" else settings, tmp_path)
        answers, _, rows = on_test_rows(trainer)
        errors[loss] = np.abs(answers - clean[rows])[~far[rows]].mean()
    assert errors["mse"] > 2
    assert errors["mae"] < 0.3
    assert errors["huber"] < 0.8


def surely(trainer):
    probabilities, truth, _ = on_test_rows(trainer)
    return probabilities, float(np.mean(probabilities.argmax(1) == truth))


@pytest.mark.parametrize("loss", ["binary", "focal", "asymmetric", "contrastive", "triplet"])
def test_digits_are_learned_and_answers_are_probabilities(loss, tmp_path):
    trainer, _ = trained("digits", [*DIGITS, f"loss.name={loss}"], tmp_path)
    probabilities, accuracy = surely(trainer)
    assert accuracy > 0.9
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_focal_spends_its_steps_on_hard_rows(tmp_path):
    shares = {}
    for loss in ("cross_entropy", "focal"):
        trainer, _ = trained("digits", [*DIGITS, f"loss.name={loss}"], tmp_path)
        rows = torch.from_numpy(trainer.prepared.parts["train"])
        batch = trainer.tensors.take(rows)
        outputs = trainer.network.eval()(batch["inputs"]).detach().requires_grad_()
        trainer.task.loss(outputs, batch).backward()
        pull, known = outputs.grad.norm(dim=1), outputs.softmax(1)[torch.arange(len(rows)), batch["targets"]] > 0.6
        shares[loss] = float(pull[known].sum() / pull.sum())
        shares[f"{loss} is sure"] = float(known.float().mean())
    assert shares["focal"] < 0.8 * shares["cross_entropy"]
    assert min(shares["focal is sure"], shares["cross_entropy is sure"]) > 0.9


@pytest.mark.parametrize("loss", ["contrastive", "triplet"])
def test_rows_of_a_class_draw_together(loss, tmp_path):
    ratios = {}
    for name in ("cross_entropy", loss):
        share = [] if name == "cross_entropy" else ["loss.share=0.9"]
        trainer, _ = trained("digits", [*DIGITS, f"loss.name={name}", *share], tmp_path)
        batch = trainer.tensors.take(torch.from_numpy(trainer.prepared.parts["validation"]))
        with torch.inference_mode():
            z = torch.nn.functional.normalize(trainer.network.eval()(batch["inputs"]), dim=1)
        distances, same = torch.cdist(z, z), batch["targets"][:, None] == batch["targets"][None]
        ratios[name] = float(distances[same].mean() / distances[~same].mean())
    assert ratios[loss] < 0.75 * ratios["cross_entropy"]


def scenes():
    """Small bright squares on dark ground, a share of 4 % of the pixels."""
    rng = np.random.default_rng(0)
    images, masks = rng.integers(0, 80, (80, 16, 16), dtype=np.uint8), np.zeros((80, 16, 16), dtype=np.uint8)
    for image, mask in zip(images, masks, strict=True):
        top, left = rng.integers(0, 13, 2)
        image[top : top + 3, left : left + 3] += 100
        mask[top : top + 3, left : left + 3] = 1
    return images, masks


@pytest.mark.parametrize("loss", ["cross_entropy", "dice", "lovasz", "focal"])
def test_small_regions_are_found(loss, tmp_path):
    settings = ["task.name=semantic_segmentation", "model.channels=8", "model.depth=1", "training.batch_size=8"]
    settings += ["optimizer.learning_rate=0.01", "training.max_epochs=10", "training.seed=1", f"loss.name={loss}"]
    _, measured = trained(scenes(), settings, tmp_path)
    assert max(measurement.score for measurement in measured) > 0.85
    if loss in ("dice", "lovasz"):
        assert measured[-1].validation_loss < 0.2


# -- weights of rows ---------------------------------------------------------------------------------------------------

WEIGHTED = [
    "task.name=tabular_classification",
    "data.target=y",
    "data.weight_column=w",
    "data.clean=none",
    "model.hidden_dim=16",
    "model.num_layers=1",
    "optimizer.learning_rate=0.01",
    "training.batch_size=64",
    "training.max_epochs=10",
    "training.seed=1",
]


def contradiction(heavy=5.0, rows=1200):
    """One rule in half of the rows, its opposite in the other half; rows of the first weigh more."""
    rng = np.random.default_rng(0)
    x, first = rng.normal(size=(rows, 2)), np.arange(rows) % 2 == 0
    y = np.where((x[:, 0] > 0) == first, "yes", "no")
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "w": np.where(first, heavy, 1.0), "y": y})


@pytest.mark.parametrize("heavy", [5.0, 0.2])
def test_a_network_follows_the_heavy_rows(heavy, tmp_path):
    frame = contradiction(heavy, rows=4000)
    trainer, _ = trained(frame, WEIGHTED, tmp_path)
    rows = trainer.prepared.parts["test"]
    batch = trainer.tensors.take(torch.from_numpy(rows))
    with torch.inference_mode():  # the last weights, since no epoch is best where half of the rows contradict
        probabilities = trainer.task.predict(trainer.network.eval()(batch["inputs"])).numpy()
    says_yes = probabilities[:, 1] > 0.5
    follows_first = float(np.mean(says_yes == (frame["a"].to_numpy()[rows] > 0)))
    assert follows_first > 0.9 if heavy > 1 else follows_first < 0.1
    # At a weight of 5 to 1 the heavy rule is right in 5 of 6.
    assert np.median(probabilities.max(axis=1)) == pytest.approx(5 / 6, abs=0.06)


def test_weights_are_of_training_alone_and_no_input(tmp_path):
    frame = contradiction()
    trainer, measured = trained(frame, WEIGHTED, tmp_path)
    prepared = trainer.prepared
    assert prepared.encoders["inputs"].columns == ("a", "b")
    kept = np.asarray(prepared.arrays["weights"])
    np.testing.assert_allclose(kept, frame["w"] / frame["w"].iloc[prepared.parts["train"]].mean(), rtol=1e-6)
    rows = prepared.parts["validation"]
    batch = {name: tensor for name, tensor in trainer.tensors.take(torch.from_numpy(rows)).items() if name != "weights"}
    with torch.inference_mode():
        plain = float(trainer.task.loss(trainer.network.eval()(batch["inputs"]), batch))
    assert measured[-1].validation_loss == pytest.approx(plain, rel=1e-5)
    answers = trainer.fitted().predict(frame.drop(columns=["w", "y"]).head(5))
    assert list(answers["answer"].isin(["yes", "no"])) == [True] * 5


def test_weights_of_rows_and_of_classes_multiply(tmp_path):
    trainer, _ = trained(contradiction(), [*WEIGHTED, "training.balance=class_weights"], tmp_path, stop=False)
    rows = torch.from_numpy(trainer.prepared.parts["train"][:50])
    batch = trainer.balance.weighted(trainer.tensors.take(rows))
    own = torch.from_numpy(np.asarray(trainer.prepared.arrays["weights"])[rows])
    torch.testing.assert_close(batch["weights"], own * trainer.balance.weights[batch["targets"]])
    outputs = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    each = torch.nn.functional.cross_entropy(outputs, batch["targets"], reduction="none")
    expected = (each * batch["weights"]).sum() / batch["weights"].sum()
    torch.testing.assert_close(trainer.task.loss(outputs, batch), expected)


def test_weights_follow_the_rows_of_folds_and_of_what_is_left_out(tmp_path):
    frame = contradiction()
    frame["w"] = np.linspace(0.5, 2, len(frame))
    frame.loc[frame.index[::7], "y"] = None
    settings = [*WEIGHTED, "data.num_folds=3", "data.fold=1"]
    trainer, _ = trained(frame, settings, tmp_path, stop=False)
    kept = np.asarray(trainer.prepared.arrays["weights"])
    mean = frame["w"].loc[[int(trainer.prepared.row_name(row)) for row in trainer.prepared.parts["train"]]].mean()
    for part in ("train", "validation"):
        rows = trainer.prepared.parts[part]
        names = [int(trainer.prepared.row_name(row)) for row in rows[:20]]
        np.testing.assert_allclose(kept[rows[:20]], frame["w"].loc[names] / mean, rtol=1e-5)


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_a_weight_that_is_no_number_above_0_is_refused(value, tmp_path):
    frame = contradiction()
    frame["split"] = np.where(np.arange(1200) < 600, "train", "test")
    frame.loc[frame.index[-100:], "w"] = value  # rows that are not trained on need none
    trained(frame, WEIGHTED, tmp_path, stop=False)
    frame.loc[:99, "w"] = value
    with pytest.raises(DataError, match=r'"w" \(`data.weight_column`\) .* in every training row, and is not in \d+ of'):
        trained(frame, WEIGHTED, tmp_path)


def test_only_the_ratios_of_weights_matter(tmp_path):
    frame, huge = contradiction(), contradiction()
    huge["w"] *= 1e307
    kept = [trained(f, WEIGHTED, tmp_path, stop=False)[0].prepared.arrays["weights"] for f in (frame, huge)]
    np.testing.assert_allclose(kept[0], kept[1], rtol=1e-6)


def test_the_column_of_weights_must_be_there_and_not_be_the_target(tmp_path):
    frame = contradiction()
    with pytest.raises(DataError, match="w"):
        trained(frame.drop(columns="w"), WEIGHTED, tmp_path)
    with pytest.raises(RecipeError, match=r"`data.weight_column` names \"y\", which is the target"):
        trained(frame, [*WEIGHTED, "data.weight_column=y"], tmp_path)
    assert DataOptions().weight_column is None
