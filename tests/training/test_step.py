"""One update, against the same update written out by hand."""

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional

from mapsto.recipe.schema import TrainingOptions
from mapsto.training.regularization import Regularization


def weights(made):
    return torch.cat([tensor.detach().flatten() for tensor in made.network.parameters()])


def first_batch(made, rows=slice(0, 16)):
    return made._batch(torch.from_numpy(made.prepared.parts["train"][rows].astype(np.int64)))


def one_step(made, batch, rate=0.1):
    made.step.begin(0)
    return made.step(batch, rate)


@pytest.mark.parametrize("pieces", [2, 3, 16, 100])
def test_pieces_of_a_batch_add_up_to_the_batch(small, pieces):
    whole, parts = small("optimizer.name=sgd"), small("optimizer.name=sgd", f"training.accumulate_steps={pieces}")
    for rows in (slice(0, 16), slice(16, 23), slice(23, 24)):
        losses = [float(one_step(made, first_batch(made, rows))) for made in (whole, parts)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert torch.allclose(weights(whole), weights(parts), atol=1e-6)


@pytest.mark.parametrize("setting", ["training.balance=class_weights", "augment.mixup=0.5", "loss.name=focal"])
def test_pieces_add_up_whatever_the_loss_is_made_of(small, setting):
    made = [small("optimizer.name=sgd", setting, f"training.accumulate_steps={n}") for n in (1, 3)]
    for one in made:
        one_step(one, first_batch(one))
    assert torch.allclose(weights(made[0]), weights(made[1]), atol=1e-6)


def test_pieces_need_the_memory_of_a_piece(small):
    def largest(made):
        seen = []
        for module in made.network.modules():
            module.register_forward_hook(lambda module, inputs, outputs: seen.append(len(outputs)))
        one_step(made, first_batch(made))
        return max(seen)

    assert largest(small()) == 16
    assert largest(small("training.accumulate_steps=4")) == 4


def test_sharpness_aware_minimization_is_its_two_passes(small):
    made = small("training.sam_rho=0.2", "optimizer.name=sgd", "optimizer.momentum=0")
    by_hand, batch = copy.deepcopy(made.network), first_batch(made)

    def gradients(network):
        loss = functional.cross_entropy(network(batch["inputs"]), batch["targets"])
        return torch.autograd.grad(loss, list(network.parameters()))

    start = [parameter.detach().clone() for parameter in by_hand.parameters()]
    uphill = gradients(by_hand)
    norm = torch.cat([gradient.flatten() for gradient in uphill]).norm()
    with torch.no_grad():
        for parameter, gradient in zip(by_hand.parameters(), uphill, strict=True):
            parameter += 0.2 * gradient / norm
    sharp = gradients(by_hand)
    expected = torch.cat([(w - 0.1 * g).flatten() for w, g in zip(start, sharp, strict=True)])

    one_step(made, batch)
    assert torch.allclose(weights(made), expected, atol=1e-6)
    plain = small("optimizer.name=sgd", "optimizer.momentum=0")
    one_step(plain, batch)
    assert not torch.allclose(weights(plain), expected, atol=1e-4)


def test_the_second_pass_does_not_count_in_batch_normalization(small):
    plain, sharp = small("model.normalization=batch"), small("model.normalization=batch", "training.sam_rho=0.5")
    for made in (plain, sharp):
        one_step(made, first_batch(made))
    statistics = [
        {n: t for n, t in m.network.state_dict().items() if "running" in n or "tracked" in n} for m in (plain, sharp)
    ]
    assert statistics[0]
    for name, tensor in statistics[0].items():
        assert torch.equal(tensor, statistics[1][name]), name


@pytest.mark.parametrize("precision", ["float32", "fp16"])
def test_gradients_are_those_of_the_loss_and_change_nothing(small, precision):
    made = small("model.normalization=batch", f"training.precision={precision}", "training.accumulate_steps=1")
    before, batch = copy.deepcopy(made.network.state_dict()), first_batch(made)
    made.step.begin(0)
    found = made.step.gradients(batch)
    assert all(torch.equal(tensor, before[name]) for name, tensor in made.network.state_dict().items())
    loss = functional.cross_entropy(made.network(batch["inputs"]), batch["targets"])
    expected = torch.autograd.grad(loss, list(made.network.parameters()))
    for gradient, other in zip(found, expected, strict=True):
        assert torch.allclose(gradient, other, atol=1e-6 if precision == "float32" else 5e-3)


def test_the_model_sees_the_first_batch_once_before_the_first_step(small, tmp_path, monkeypatch):
    made, seen = small("training.max_epochs=2"), []

    def initialize_on(self, network, inputs):
        seen.append((network is made.network, len(inputs), network.training))

    monkeypatch.setattr(type(made.recipe.model), "initialize_on", initialize_on)
    list(made.advance(1))
    made.save(tmp_path / "state")
    list(made.advance(2))
    again = small("training.max_epochs=2")
    again.restore(tmp_path / "state")
    list(again.advance(2))
    assert seen == [(True, 16, True)]


# ---------------------------------------------------------------------------------------------- bounds


def layer():
    torch.manual_seed(0)
    made = torch.nn.Linear(20, 10)
    made.weight.grad, made.bias.grad = torch.randn(10, 20), torch.randn(10)
    return made


def norm(made):
    return float(torch.cat([p.grad.flatten() for p in made.parameters()]).norm())


def test_clipping_by_value_cuts_each_number():
    made = layer()
    expected = made.weight.grad.clamp(-0.3, 0.3)
    Regularization(TrainingOptions(max_grad_value=0.3), made).before_step()
    assert torch.equal(made.weight.grad, expected)


def test_clipping_at_a_percentile_of_the_recent_norms():
    made = layer()
    regularization = Regularization(TrainingOptions(grad_percentile=40), made)
    direction = made.weight.grad.clone()
    rng, norms = np.random.default_rng(0), []
    for _ in range(1_050):
        scale = float(rng.lognormal())
        made.weight.grad, made.bias.grad = direction * scale, torch.zeros(10)
        norms.append(norm(made))
        regularization.before_step()
        bound = np.percentile(norms[-1000:], 40)
        assert norm(made) == pytest.approx(min(norms[-1], bound), rel=1e-3)


def test_a_gradient_that_is_not_finite_stays_out_of_the_history():
    made = layer()
    regularization = Regularization(TrainingOptions(grad_percentile=50), made)
    for value in (1.0, np.inf, 1.0):
        made.weight.grad, made.bias.grad = torch.full((10, 20), value), torch.zeros(10)
        regularization.before_step()
    assert norm(made) == pytest.approx(np.sqrt(200), rel=1e-4)


def test_weights_into_a_unit_are_cut_to_a_length():
    made = layer()
    with torch.no_grad():
        made.weight[0] *= 0.01
    before = made.weight.detach().clone()
    Regularization(TrainingOptions(max_weight_norm=0.3), made).after_step(0.1)
    assert torch.equal(made.weight[0], before[0])
    assert torch.allclose(made.weight[1:].norm(dim=1), torch.tensor(0.3))
    assert torch.allclose(made.weight[1:], 0.3 * before[1:] / before[1:].norm(dim=1, keepdim=True))


def test_l1_pulls_as_far_as_the_layers_own_rate_says():
    made = layer()
    before = made.weight.detach().clone()
    groups = [{"params": [made.weight], "lr_scale": 0.5}]
    Regularization(TrainingOptions(l1=1.0), made, groups).after_step(0.1)
    assert torch.allclose(made.weight, before.sign() * (before.abs() - 0.05).clamp(min=0))


def test_weights_into_a_unit_are_cut_to_a_length_with_weight_normalization_too(small):
    made = small("model.normalization=weight", "training.max_weight_norm=0.2")
    list(made.advance(1))
    for module in made.network.modules():
        if isinstance(module, torch.nn.Linear):
            assert float(module.weight.detach().norm(dim=1).max()) <= 0.2 + 1e-6


def test_an_overflow_in_sharpness_aware_minimization_spoils_no_statistics(small):
    made = small("training.sam_rho=0.05", "training.precision=fp16", "model.normalization=batch")
    made.step.precision.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**60)
    before = weights(made)
    one_step(made, first_batch(made))
    assert torch.equal(weights(made), before)  # the step was left out
    assert all(torch.isfinite(buffer).all() for buffer in made.network.buffers())
