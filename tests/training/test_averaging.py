"""Averages of the weights against their recurrences."""

import pytest
import torch

from mapsto.training.averaging import EMA, SWA, averaging, batch_norms
from mapsto.training.fitted import Fitted


def run(trainer):
    return list(trainer.advance(trainer.recipe.training.max_epochs))


def tensors(network):
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def recorded(trainer):
    """The weights after each step of a training."""
    made, step = [], type(trainer.step).__call__

    def recording(self, batch, rate):
        loss = step(self, batch, rate)
        made.append(tensors(self.network))
        return loss

    return made, recording


@pytest.mark.parametrize("decay", [0.5, 0.9])
def test_the_exponential_mean_follows_its_recurrence_statistics_included(small, monkeypatch, decay):
    made = small("training.averaging=ema", f"training.ema_decay={decay}", "model.normalization=batch")
    weights, recording = recorded(made)
    monkeypatch.setattr(type(made.step), "__call__", recording)
    run(made)
    expected = {n: t.double() for n, t in weights[0].items()}
    for step, present in enumerate(weights[1:], start=1):
        d = min(decay, (1 + step) / (10 + step))
        expected = {name: d * mean + (1 - d) * present[name].double() for name, mean in expected.items()}
    checked = [name for name in expected if "num_batches" not in name]
    assert any("running_var" in name for name in checked)
    for name in checked:
        assert torch.allclose(made.step.averaging.mean[name].double(), expected[name], atol=1e-5), name


def test_averaged_weights_are_scored_and_kept_and_training_goes_on_from_its_own(small):
    plain, made = small(), small("training.averaging=ema", "training.ema_decay=0.9")
    run(plain)
    last = run(made)[-1]
    for name, tensor in tensors(plain.network).items():
        assert torch.equal(made.network.state_dict()[name], tensor), "averaging changed the training"
    kept = Fitted(made.recipe, made.prepared.preprocessing, made.step.averaging.mean).network.state_dict()
    if made.best.epoch == last.epoch:
        assert all(torch.equal(made._best_weights[name], tensor) for name, tensor in kept.items())
    assert last.validation_loss != run_loss(plain)


def run_loss(trainer):
    return trainer._validation_losses[-1]


def test_the_mean_of_the_last_epochs_is_their_mean(small):
    made = small("training.averaging=swa", "training.swa_start=0.5", "training.max_epochs=6")
    ends = [tensors(made.network) for _ in made.advance(6)]
    assert isinstance(made.step.averaging, SWA)
    assert made.step.averaging.count == 4  # epochs 3 to 6: from the half of the epochs on
    for name, tensor in made.step.averaging.mean.items():
        expected = torch.stack([end[name].double() for end in ends[2:]]).mean(0)
        assert torch.allclose(tensor.double(), expected, atol=1e-6), name


def test_statistics_of_batch_normalization_are_those_of_the_averaged_weights(small):
    made = small("training.averaging=swa", "training.swa_start=0.2", "model.normalization=batch", "model.dropout=0.5")
    run(made)
    own = tensors(made.network)
    with made.step.answering(made._training_batches):
        (first, *_) = batch_norms(made.network)
        batches = [batch["inputs"] for batch in made._training_batches()]
        outputs = [made.network[0](inputs) for inputs in batches]
        mean = torch.stack([out.mean(0) for out in outputs]).mean(0)
        variance = torch.stack([out.var(0) for out in outputs]).mean(0)
        assert first.running_mean is not None
        assert first.running_var is not None
        assert torch.allclose(first.running_mean, mean, atol=1e-5)
        assert torch.allclose(first.running_var, variance, atol=1e-4)
        assert not first.training
    for name, tensor in own.items():
        assert torch.equal(made.network.state_dict()[name], tensor), name
    assert all(norm.momentum == 0.1 for norm in batch_norms(made.network))


def test_no_average_costs_nothing(small):
    made = small()
    assert made.step.averaging is None
    assert averaging(made.recipe.training, made.network, made.step.network) is None
    assert isinstance(small("training.averaging=ema").step.averaging, EMA)


def test_a_last_batch_of_one_row_is_left_out_of_the_statistics(small):
    made = small("training.averaging=swa", "training.swa_start=0", "model.normalization=batch")
    rows = len(made.prepared.parts["train"])
    size = next(size for size in range(2, rows) if rows % size == 1)
    again = small(
        "training.averaging=swa", "training.swa_start=0", "model.normalization=batch", f"training.batch_size={size}"
    )
    assert all(len(batch["inputs"]) > 1 for batch in again._training_batches())
    assert run(again)
