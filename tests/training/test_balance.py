"""Balance by its effect: what is drawn, what the loss weighs, that rare classes are found, exact continuation."""

import numpy as np
import pytest
import torch

from mapsto.data.prepare import prepare
from mapsto.data.read import read
from mapsto.errors import RecipeError
from mapsto.recipe.schema import DataOptions
from mapsto.recipe.space import Space
from mapsto.testing.tables import make_table
from mapsto.training.balance import KINDS, class_weights
from mapsto.training.batches import Tensors
from mapsto.training.loop import TorchTrainer

BASE = [
    "task.name=tabular_classification",
    "model.hidden_dim=16",
    "model.num_layers=1",
    "training.seed=1",
    "training.max_epochs=15",
    "training.batch_size=50",
    "search.metric=balanced_accuracy",
]
KINDS_OF_BALANCE = ("class_weights", "oversample", "undersample", "balanced_batches")
SIZES = [900, 75, 25]


def overlapping():
    """Three classes that overlap, one of 2.5 % of the rows."""
    rng = np.random.default_rng(0)
    classes = np.repeat([0, 1, 2], [1286, 107, 36])  # 70 % of them train
    x = rng.normal(size=(len(classes), 2)) + np.asarray([[0, 0], [1.5, 0], [0, 1.5]])[classes]
    return make_table({"a": x[:, 0], "b": x[:, 1], "kind": [f"c{c}" for c in classes]}, target="kind")


@pytest.fixture(scope="module")
def rare(tmp_path_factory):
    recipe = Space.from_settings(BASE).recipe({})
    folder = tmp_path_factory.mktemp("data")
    return prepare(overlapping(), task=recipe.task, recipe_data=recipe.data, seed=0, folder=folder)


@pytest.fixture
def trainer(rare):
    tensors = Tensors(rare, "cpu")

    def make(*settings):
        return TorchTrainer(Space.from_settings([*BASE, *settings]).recipe({}), rare, tensors)

    return make


def run(trainer):
    return list(trainer.advance(trainer.recipe.training.max_epochs))


def weights(trainer):
    return torch.cat([tensor.flatten().float() for tensor in trainer.network.state_dict().values()])


def recalls(trainer):
    rows = trainer.prepared.parts["train"]
    truth = np.asarray(trainer.prepared.arrays["targets"][rows])
    answers = trainer.predict(rows).argmax(axis=1)
    return [float((answers[truth == number] == number).mean()) for number in range(3)]


def drawn(kind, sizes, seed=0, epochs=1):
    """The classes of the rows of some epochs, and the rows."""
    classes = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    rows = 10 + torch.arange(len(classes))
    made, generator = KINDS[kind](rows, classes), torch.Generator().manual_seed(seed)
    found = [made.epoch(generator) for _ in range(epochs)]
    assert all(len(epoch) == made.num_rows for epoch in found)
    return [classes[epoch - 10] for epoch in found], found


def test_oversampling_repeats_rows_evenly_until_classes_are_equal():
    classes, rows = drawn("oversample", SIZES)
    assert torch.bincount(classes[0]).tolist() == [900, 900, 900]
    times = torch.unique(rows[0], return_counts=True)[1]
    assert (times[:900].unique().tolist(), times[900:975].unique().tolist()) == ([1], [12])
    assert times[975:].unique().tolist() == [36]


def test_undersampling_takes_other_rows_of_the_common_classes_in_every_epoch():
    classes, rows = drawn("undersample", SIZES, epochs=30)
    assert all(torch.bincount(epoch).tolist() == [25, 25, 25] for epoch in classes)
    assert all(len(epoch.unique()) == 75 for epoch in rows)
    assert len(torch.cat(rows).unique()) > 600


@pytest.mark.parametrize("sizes", [SIZES, [1, 50], [7, 7, 7, 7], [3, 500, 20, 4, 90]])
@pytest.mark.parametrize("batch_size", [2, 32, 50])
def test_every_batch_has_the_classes_in_equal_numbers(sizes, batch_size):
    classes, rows = drawn("balanced_batches", sizes)
    assert len(rows[0]) == sum(sizes)
    for batch in classes[0].split(batch_size):
        counts = torch.bincount(batch, minlength=len(sizes))
        assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("kind", ["oversample", "undersample", "balanced_batches", "none"])
def test_the_seed_decides_the_rows_and_epochs_differ(kind):
    (_, first), (_, second), (_, other) = drawn(kind, SIZES, 0, 2), drawn(kind, SIZES, 0, 2), drawn(kind, SIZES, 1, 2)
    assert torch.equal(torch.cat(first), torch.cat(second))
    assert not torch.equal(torch.cat(first), torch.cat(other))
    assert not torch.equal(*first)


def test_class_weights_make_classes_count_alike():
    classes = torch.repeat_interleave(torch.arange(3), torch.tensor(SIZES))
    found = class_weights(classes, 3)
    torch.testing.assert_close(found * torch.tensor(SIZES), torch.full((3,), 1000 / 3))
    # A class without training rows has no say, and makes no infinity.
    assert class_weights(torch.tensor([0, 0, 2]), 3).isfinite().all()


def test_the_weighted_loss_is_the_mean_over_classes(trainer):
    made = trainer("training.balance=class_weights")
    rows = torch.from_numpy(made.prepared.parts["train"])
    batch = made.balance.weighted(made.tensors.take(rows))
    outputs = torch.randn(len(rows), 3, generator=torch.Generator().manual_seed(0))
    of_class = [
        torch.nn.functional.cross_entropy(outputs[batch["targets"] == c], batch["targets"][batch["targets"] == c])
        for c in range(3)
    ]
    torch.testing.assert_close(made.task.loss(outputs, batch), torch.stack(of_class).mean())


@pytest.mark.parametrize("kind", KINDS_OF_BALANCE)
def test_rare_classes_are_found(trainer, kind):
    longer = ("training.max_epochs=40", "training.patience=0", "optimizer.learning_rate=0.005")
    plain, balanced = trainer(*longer), trainer(*longer, f"training.balance={kind}")
    run(plain)
    run(balanced)
    assert recalls(balanced)[2] > 0.55 > 0.35 > recalls(plain)[2]
    assert np.mean(recalls(balanced)) > np.mean(recalls(plain)) + 0.1


def test_evaluation_stays_on_the_true_distribution(trainer):
    made = trainer("training.balance=class_weights", "search.metric=accuracy", "training.max_epochs=2")
    measured = run(made)
    rows = made.prepared.parts["validation"]
    truth = torch.from_numpy(np.asarray(made.prepared.arrays["targets"][rows]))
    probabilities, _ = made._evaluate(rows)
    plain = torch.nn.functional.nll_loss(torch.from_numpy(probabilities).log(), truth)
    assert measured[-1].validation_loss == pytest.approx(float(plain), rel=1e-4)
    assert measured[-1].score == pytest.approx((probabilities.argmax(axis=1) == truth.numpy()).mean())


@pytest.mark.parametrize("kind", KINDS_OF_BALANCE)
def test_a_training_restored_in_mid_epoch_ends_in_the_same_weights(trainer, tmp_path, monkeypatch, kind):
    settings = (f"training.balance={kind}", "training.max_epochs=4", "training.batch_size=16")
    whole, part = trainer(*settings), trainer(*settings)
    run(whole)
    saved = []

    def save_once(tick):
        if not saved and tick.epoch >= 2 and tick.step < tick.steps_per_epoch:
            part.save(tmp_path / "state")
            saved.append(tick.step)

    monkeypatch.setattr("mapsto.training.epochs.TICK_SECONDS", 0.0)
    list(part.advance(4, on_tick=save_once))
    again = trainer(*settings)
    again.restore(tmp_path / "state")
    assert (again.epoch, again.step_in_epoch) == (1, saved[0])
    run(again)
    assert torch.equal(weights(whole), weights(again))
    assert whole.best.score == again.best.score


def test_steps_follow_the_rows_of_an_epoch(trainer, rare):
    sizes = rare.facts.class_counts
    assert trainer("training.balance=oversample").steps_per_epoch == -(-3 * max(sizes) // 50)
    assert trainer("training.balance=undersample").steps_per_epoch == -(-3 * min(sizes) // 50)
    assert trainer("training.balance=balanced_batches").steps_per_epoch == trainer().steps_per_epoch


def test_tasks_without_classes_of_rows_refuse_it(tmp_path):
    settings = ["task.name=tabular_regression", "training.balance=oversample"]
    with pytest.raises(RecipeError, match=r"`training.balance` is oversample, which tabular_regression cannot do"):
        Space.from_settings(settings).recipe({})
    with pytest.raises(RecipeError, match=r"`training.balance` is undersample, which semantic_segmentation"):
        Space.from_settings(["task.name=semantic_segmentation", "training.balance=choice(none, undersample)"])
    recipe = Space.from_settings(["task.name=tabular_regression"]).recipe({})
    table = read({"x": np.arange(50.0), "y": np.arange(50.0) ** 2}, options=DataOptions(target="y"))
    data = prepare(table, task=recipe.task, recipe_data=recipe.data, seed=0, folder=tmp_path)
    training = recipe.training.model_copy(update={"balance": "oversample"})
    with pytest.raises(RecipeError, match=r'`training.balance: oversample` balances .* the target "y" is not a column'):
        TorchTrainer(recipe.model_copy(update={"training": training}), data, Tensors(data, "cpu"))
