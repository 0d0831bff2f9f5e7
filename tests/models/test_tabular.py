"""TabM and RealMLP: every part of them by what it does."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from mapsto.data.encoders.base import Spec
from mapsto.models import _members, _realmlp
from mapsto.models._tables import PeriodicWithNumber
from mapsto.models.realmlp import RealMLP
from mapsto.models.tabm import TabM
from mapsto.testing.models import check_model

MIXED = Spec("features", (4,), "float32", names=("a", "a missing", "city", "b"), levels=(0, 2, 6, 0))


def mixed_inputs(rows):
    inputs = torch.randn(rows, 4, generator=torch.Generator().manual_seed(0))
    inputs[:, 1] = (inputs[:, 1] > 0).float()
    inputs[:, 2] = torch.randint(0, 6, (rows,), generator=torch.Generator().manual_seed(1)).float()
    return inputs


def layers(network, kind):
    return [layer for layer in network.modules() if isinstance(layer, kind)]


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        (TabM, {"sharing": "mini"}),
        (TabM, {"numeric_embedding": "periodic", "num_members": 3}),
        (RealMLP, {"numeric_embedding": "none", "learned_activation": False}),
        (RealMLP, {"numeric_embedding": "periodic", "activation": "relu"}),
    ],
)
def test_settings_keep_the_contract(family, settings):
    check_model(family, **settings)
    network = family(**settings).build(MIXED, 2)
    network(mixed_inputs(8)).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_a_member_is_the_network_with_its_own_scales():
    torch.manual_seed(0)
    network: Any = TabM(num_members=3, num_layers=2, hidden_dim=16, dropout=0.0).build(MIXED, 2)
    for parameter in network.parameters():  # as after training, all members' own
        nn.init.normal_(parameter)
    inputs = mixed_inputs(5)
    outputs = network(inputs).view(3, 5, 2)
    table, scale, first, _, second, _, last = network
    for member in range(3):
        values = table(inputs) * scale.scale[member]
        values = torch.relu(first.shared(values) * first.scale_out[member] + first.bias[member])
        values = second.shared(values * second.scale_in[member]) * second.scale_out[member] + second.bias[member]
        expected = torch.relu(values) @ last.weight[member] + last.bias[member]
        assert torch.allclose(outputs[member], expected, rtol=1e-4, atol=1e-4)


def test_members_differ_at_the_start_by_signs_alone():
    torch.manual_seed(0)
    network = TabM(num_members=6).build(MIXED, 2)
    (scale,) = layers(network, _members.MemberScale)
    assert set(scale.scale.detach().flatten().tolist()) == {-1.0, 1.0}
    for shared in layers(network, _members.SharedLinear):
        assert torch.equal(shared.scale_out, torch.ones_like(shared.scale_out))
        assert torch.equal(shared.bias, shared.bias[:1].expand_as(shared.bias))
    embedded = TabM(numeric_embedding="periodic").build(MIXED, 2)
    assert len(set(layers(embedded, _members.MemberScale)[0].scale.detach().flatten().tolist())) > 100


def test_sharing_says_what_a_member_costs():
    def parameters(**settings):
        return sum(p.numel() for p in TabM(hidden_dim=64, num_layers=2, **settings).build(MIXED, 2).parameters())

    width = 7  # two numbers, a flag, and 4 for the city
    heads = 64 * 2 + 2
    own = {"mini": width + heads, "full": width + (64 + 64) + (64 + 64 + 64) + heads}
    for sharing, cost in own.items():
        assert parameters(sharing=sharing, num_members=9) - parameters(sharing=sharing, num_members=8) == cost


def test_what_is_a_members_own_does_not_decay_though_it_lies_in_matrices():
    network = TabM().build(MIXED, 2)
    free = {name for name, parameter in network.named_parameters() if getattr(parameter, "no_decay", False)}
    assert {name.rpartition(".")[2] for name in free} == {"scale", "scale_in", "scale_out", "bias"}


def test_a_dense_layer_is_divided_by_the_root_of_its_width():
    torch.manual_seed(0)
    layer = _realmlp.TangentLinear(400, 300, 0.1)
    assert float(layer.weight.detach().std()) == pytest.approx(1, rel=0.01)
    inputs = torch.randn(50, 400)
    assert torch.allclose(layer(inputs), inputs @ layer.weight / math.sqrt(400) + layer.bias, atol=1e-4)


def test_the_first_batch_sets_deviations_to_one_and_biases_amidst_the_values():
    torch.manual_seed(0)
    model = RealMLP(hidden_dim=64)
    network: Any = model.build(MIXED, 3)
    inputs = mixed_inputs(256) * torch.tensor([100.0, 1.0, 1.0, 0.01])
    model.initialize_on(network.train(), inputs)
    assert network.training
    values = inputs
    for layer in network.eval():
        outputs = layer(values)
        if isinstance(layer, _realmlp.TangentLinear):
            assert torch.allclose(outputs.std(0, correction=0), torch.ones(outputs.shape[1]), atol=1e-3)
            assert bool(((outputs.min(0).values < 0) & (outputs.max(0).values > 0)).all())
        values = outputs
    normal = RealMLP(initialization="normal")
    plain = normal.build(MIXED, 3)
    before = plain[2].weight.detach().clone()
    normal.initialize_on(plain, inputs)
    assert torch.equal(plain[2].weight, before)


def test_units_that_do_not_vary_keep_finite_weights():
    model = RealMLP()
    network = model.build(MIXED, 3)
    model.initialize_on(network, mixed_inputs(1).expand(32, 4))
    assert all(bool(torch.isfinite(parameter).all()) for parameter in network.parameters())


def test_the_activation_is_mixed_with_the_identity_by_what_is_learned():
    layer = _realmlp.LearnedActivation(nn.ReLU(), 3, 0.1)
    inputs = torch.tensor([[-2.0, -2.0, -2.0]])
    assert torch.equal(layer(inputs), torch.zeros(1, 3))
    layer.weight.data.copy_(torch.tensor([1.0, 0.5, 0.0]))
    assert layer(inputs).tolist() == [[0.0, -1.0, -2.0]]


def test_auto_takes_selu_for_classes_and_mish_for_a_number():
    assert len(layers(RealMLP().build(MIXED, 2), nn.SELU)) == 3
    assert len(layers(RealMLP().build(MIXED, 1), nn.Mish)) == 3
    assert len(layers(RealMLP(activation="gelu").build(MIXED, 1), nn.GELU)) == 3


@pytest.mark.parametrize(
    ("schedule", "rates"), [("flat_cos", [0.2, 0.2, 0.1, 0.0]), ("constant", [0.2, 0.2, 0.2, 0.2])]
)
def test_dropout_falls_over_the_second_half(schedule, rates):
    network = RealMLP(dropout=0.2, dropout_schedule=schedule).build(MIXED, 2)
    drop = layers(network, _realmlp.ScheduledDropout)[0]
    for progress, rate in zip((0.0, 0.5, 0.75, 1.0), rates, strict=True):
        drop.set_progress(progress)
        share = float((drop(torch.ones(100_000)) == 0).float().mean())
        assert share == pytest.approx(rate, abs=0.01)


def test_rates_are_marked_on_the_parameters():
    network = RealMLP(scale_rate=7, bias_rate=0.3, activation_rate=0.4, embedding_rate=0.5).build(MIXED, 2)
    marks = {name: getattr(parameter, "lr_scale", 1.0) for name, parameter in network.named_parameters()}
    assert marks["1.weight"] == 7
    assert marks["2.weight"] == 1
    assert marks["2.bias"] == 0.3
    assert marks["3.weight"] == 0.4
    assert {rate for name, rate in marks.items() if name.startswith("0.periodic")} == {0.5}


def test_a_numbers_vector_holds_the_number_and_waves_of_it():
    torch.manual_seed(0)
    layer = PeriodicWithNumber(2, 16, 0.5, 4)
    inputs = torch.randn(5, 2)
    vectors = layer(inputs).view(5, 2, 4)
    assert torch.equal(vectors[..., 0], inputs)
    waves = torch.cos(2 * math.pi * layer.frequencies[1] * inputs[3, 1] + layer.phases[1])
    assert torch.allclose(vectors[3, 1, 1:], waves @ layer.weight[1] + layer.bias[1], atol=1e-5)


def test_more_members_answer_better_than_one_on_rows_that_were_not_seen():
    generator = torch.Generator().manual_seed(0)
    spec = Spec("features", (6,), "float32", levels=(0,) * 6)
    inputs = torch.randn(1200, 6, generator=generator)
    truth = (inputs[:, 0] * inputs[:, 1] + torch.sin(2 * inputs[:, 2])).unsqueeze(1)
    noisy = truth + torch.randn(1200, 1, generator=generator)
    errors = {}
    for count in (1, 8):
        torch.manual_seed(0)
        network = TabM(num_members=count, hidden_dim=48, dropout=0.0).build(spec, 1)
        optimizer = torch.optim.Adam(network.parameters(), 5e-3)
        for _ in range(80):
            optimizer.zero_grad()
            nn.functional.mse_loss(network(inputs[:300]), noisy[:300].repeat(count, 1)).backward()
            optimizer.step()
        answers = network(inputs[300:]).view(count, -1, 1).mean(0)
        errors[count] = float(nn.functional.mse_loss(answers, truth[300:]).detach())
    assert errors[8] < 0.8 * errors[1]
