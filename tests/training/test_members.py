"""Networks of several members: their losses, their predictions, and a whole training of one."""

import numpy as np
import pandas as pd
import pytest
import torch

from mapsto.data.prepare import prepare
from mapsto.data.read import read
from mapsto.recipe.schema import DataOptions
from mapsto.recipe.space import Space
from mapsto.training import members
from mapsto.training.batches import Tensors
from mapsto.training.loop import TorchTrainer

BASE = ["task.name=tabular_classification", "data.target=kind", "training.max_epochs=4", "training.seed=1"]
TABM = ["model.name=tabm", "model.num_members=4", "model.hidden_dim=32"]
REALMLP = ["model.name=realmlp", "model.hidden_dim=32"]


@pytest.fixture(scope="module")
def table():
    numbers = np.random.default_rng(0).normal(size=(400, 3))
    kind = np.where(numbers[:, 0] * numbers[:, 1] > 0, "same", "other")
    return pd.DataFrame({"a": numbers[:, 0], "b": numbers[:, 1], "c": numbers[:, 2], "kind": kind})


@pytest.fixture(scope="module")
def data(table, tmp_path_factory):
    recipe = Space.from_settings(BASE).recipe({})
    read_table = read(table, options=DataOptions(target="kind"))
    return prepare(read_table, task=recipe.task, recipe_data=recipe.data, seed=0, folder=tmp_path_factory.mktemp("d"))


@pytest.fixture
def trainer(data):
    tensors = Tensors(data, "cpu")
    return lambda *settings: TorchTrainer(Space.from_settings([*BASE, *settings]).recipe({}), data, tensors)


def test_the_loss_is_the_mean_of_the_members_losses(trainer):
    made = trainer(*TABM, "model.dropout=0.0", "augment.mixup=0.5")
    batch = made.augmenter(made.tensors.take(torch.arange(10)))
    whole = members.for_loss(made.network, batch)
    outputs = made.network(batch["inputs"])
    losses = [made.augmenter.loss(made.task, own, batch) for own in outputs.view(4, 10, 2)]
    assert torch.allclose(made.augmenter.loss(made.task, outputs, whole), torch.stack(losses).mean())


def test_probabilities_are_averaged_not_scores(trainer):
    made = trainer(*TABM)
    made.network.eval()
    inputs = made.tensors.take(torch.arange(7))["inputs"]
    outputs = made.network(inputs).detach() * 20
    averaged = members.predict(made.task, made.network, outputs)
    assert torch.allclose(averaged, outputs.view(4, 7, 2).softmax(2).mean(0))
    assert not torch.allclose(averaged, outputs.view(4, 7, 2).mean(0).softmax(1), atol=1e-3)


def test_networks_without_members_are_left_alone(trainer):
    made = trainer("model.name=mlp")
    batch = made.tensors.take(torch.arange(7))
    assert members.for_loss(made.network, batch) is batch
    assert members.num_members(made.network) == 1


@pytest.mark.parametrize("settings", [TABM, REALMLP])
def test_it_learns_and_the_fitted_model_answers_the_same(trainer, table, settings):
    made = trainer(*settings, "training.max_epochs=15", "optimizer.learning_rate=0.01", "training.batch_size=32")
    measured = list(made.advance(15))
    assert made.best.score > 0.85 > measured[0].score
    rows = np.arange(len(table))
    fitted = made.fitted()
    assert np.allclose(fitted.predictions(fitted.read(table)), made.predict(rows), atol=1e-6)


@pytest.mark.parametrize("settings", [TABM, REALMLP])
def test_it_goes_on_bit_for_bit(trainer, tmp_path, settings):
    whole = trainer(*settings)
    list(whole.advance(4))
    first = trainer(*settings)
    list(first.advance(3))
    first.save(tmp_path / "checkpoint")
    second = trainer(*settings)
    second.restore(tmp_path / "checkpoint")
    list(second.advance(4))
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, second.network.state_dict()[name])


def test_a_networks_rates_reach_the_optimizer(trainer):
    made = trainer(*REALMLP, "schedule.name=constant")
    list(made.advance(1))
    rates = {round(group["lr"] / made.recipe.optimizer.learning_rate, 6) for group in made.optimizer.param_groups}
    assert rates == {0.1, 1.0, 6.0}


def test_dropout_follows_the_epochs(trainer):
    made = trainer(*REALMLP)
    list(made.advance(4))
    drops = [m for m in made.network.modules() if hasattr(m, "set_progress")]
    assert {round(drop.present, 6) for drop in drops} == {round(0.15 / 2, 6)}
