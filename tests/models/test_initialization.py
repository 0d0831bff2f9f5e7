"""How weights are drawn, by what becomes of a signal, and of its gradient, behind many layers."""

import math

import pytest
import torch
from torch import nn

from mapsto.data.encoders.base import Spec
from mapsto.models._initialization import GAINS, LAYERS, fans, initialize
from mapsto.models._layers import activation
from mapsto.models.cnn import CNN
from mapsto.models.convnext import ConvNeXt
from mapsto.models.mlp import MLP
from mapsto.models.resnet import ResNet
from mapsto.models.unet import UNet

DEPTH, WIDTH = 50, 256
WIDE = Spec("features", (WIDTH,), "float32")
COLOR = Spec("image", (3, 32, 32), "uint8", shift=(128.0,) * 3, scale=(1 / 74,) * 3)


def signal(scheme, name, depth=DEPTH):
    """Second moments behind the activations of each layer, and of the gradient at the first and the last of them."""
    torch.manual_seed(0)
    network = MLP(hidden_dim=WIDTH, num_layers=depth, activation=name, initialization=scheme).build(WIDE, 1)
    values = torch.randn(128, WIDTH)
    maps = []
    for layer in network[:-1]:
        values = layer(values)
        if not isinstance(layer, nn.Linear):
            values.retain_grad()
            maps.append(values)
    (values * torch.randn_like(values)).sum().backward()
    moments = [float(m.detach().square().mean()) for m in maps]
    return moments, float(maps[0].grad.square().mean()) / float(maps[-1].grad.square().mean())


@pytest.mark.parametrize(
    ("scheme", "name"),
    [("he_normal", "relu"), ("he_uniform", "relu"), ("he_normal", "leaky_relu"), ("orthogonal", "relu")]
    + [("lecun_normal", "selu"), ("lecun_uniform", "selu"), ("auto", "relu"), ("auto", "selu"), ("auto", "leaky_relu")],
)
def test_the_right_pair_keeps_the_signal_and_its_gradient_through_fifty_layers(scheme, name):
    moments, gradient = signal(scheme, name)
    assert 0.2 < moments[-1] / moments[0] < 5
    # Gradients behind selu grow by its own 1.07 a layer, E[selu'(z)²].
    assert 0.1 < gradient < (10 if name != "selu" else 3 * 1.0728 ** (DEPTH - 1))


@pytest.mark.parametrize("scheme", ["xavier_normal", "xavier_uniform", "orthogonal", "auto"])
def test_behind_tanh_the_signal_falls_as_the_inverse_of_the_depth_and_gradients_stay(scheme):
    moments, gradient = signal(scheme, "tanh")
    assert 0.25 / (2 * DEPTH) < moments[-1] < 4 / (2 * DEPTH)  # q' = q - 2 q² has the solution 1 / 2 l
    assert 0.02 < gradient < 50


@pytest.mark.parametrize(
    ("name", "depth"), [("elu", 50), ("softplus", 50), ("gelu", 20), ("mish", 20), ("silu", 10), ("hard_swish", 10)]
)
def test_auto_keeps_the_signal_of_curved_activations(name, depth):
    assert 0.1 < signal("auto", name, depth)[0][-1] < 10


@pytest.mark.parametrize("name", ["gelu", "silu", "mish", "elu", "hard_swish"])
def test_lecun_loses_the_signal_of_curved_activations(name):
    assert signal("lecun_normal", name, 20)[0][-1] < signal("auto", name, 20)[0][-1] / 10


@pytest.mark.parametrize("name", ["silu", "hard_swish", "gelu"])
def test_lsuv_keeps_through_fifty_layers_what_no_gain_does(name):
    torch.manual_seed(0)
    model = MLP(hidden_dim=WIDTH, num_layers=DEPTH, activation=name, initialization="lsuv")
    network, inputs = model.build(WIDE, 1), torch.randn(256, WIDTH)
    model.initialize_on(network, inputs)
    fresh = torch.randn(256, WIDTH)
    assert float(network(fresh).detach().std()) == pytest.approx(1, rel=0.7)
    assert not 0.1 < signal("he_normal", name)[0][-1] < 10


@pytest.mark.parametrize(
    ("scheme", "name", "factor"),
    [("lecun_normal", "relu", 1e-10), ("xavier_uniform", "relu", 1e-10), ("default", "relu", 1e-2)]
    + [("truncated_normal", "relu", 1e-10)],
)
def test_a_wrong_pair_vanishes(scheme, name, factor):
    moments, _ = signal(scheme, name)
    assert moments[-1] < factor


def test_a_wrong_pair_explodes():
    assert signal("he_normal", "elu")[0][-1] > 10 * signal("auto", "elu")[0][-1]
    assert signal("he_normal", "tanh")[1] > 1e3 * signal("xavier_normal", "tanh")[1]


@pytest.mark.parametrize("name", sorted(set(GAINS) - {"tanh", "sigmoid", "leaky_relu"}))
def test_gains_undo_what_an_activation_does_to_the_second_moment(name):
    grid = torch.linspace(-12, 12, 200_001, dtype=torch.float64)
    density = torch.exp(-grid.square() / 2) / math.sqrt(2 * math.pi)
    moment = float(torch.trapezoid(activation(name)(grid).square() * density, grid))
    assert GAINS[name] == pytest.approx(moment**-0.5, rel=1e-4)


@pytest.mark.parametrize(
    ("scheme", "variance"),
    [(f"he_{kind}", 2 / 1000) for kind in ("normal", "uniform")]
    + [(f"lecun_{kind}", 1 / 1000) for kind in ("normal", "uniform")]
    + [(f"xavier_{kind}", 2 / 1500) for kind in ("normal", "uniform")]
    + [("truncated_normal", 0.02**2 * 0.774), ("default", 1 / 3000)],
)
def test_variances_of_the_papers(scheme, variance):
    torch.manual_seed(0)
    network = MLP(hidden_dim=500, initialization=scheme).build(Spec("features", (1000,), "float32"), 1)
    weight = network[0].weight.detach()
    assert float(weight.var()) == pytest.approx(variance, rel=0.02)
    if scheme.endswith("uniform"):
        assert float(weight.abs().max()) <= math.sqrt(3 * variance)
    if scheme == "truncated_normal":
        assert float(weight.abs().max()) <= 0.04


def test_fans_count_windows_groups_and_strides():
    assert fans(nn.Linear(7, 5)) == (7, 5)
    assert fans(nn.Conv2d(8, 16, 3)) == (72, 144)
    assert fans(nn.Conv2d(8, 8, 7, groups=8)) == (49, 49)
    assert fans(nn.ConvTranspose2d(8, 4, 2, stride=2)) == (8, 16)


@pytest.mark.parametrize("model", [MLP(num_layers=3), CNN(), CNN(normalization="weight"), UNet(depth=2, channels=4)])
def test_lsuv_gives_every_layer_unit_variance_on_the_batch_and_leaves_buffers_and_generator(model):
    model = type(model)(**{**model.model_dump(), "initialization": "lsuv", "dropout": 0.3})
    torch.manual_seed(0)
    spec = WIDE if isinstance(model, MLP) else COLOR
    network = model.build(spec, 5)
    inputs = 3 * torch.randn(64, WIDTH) if spec is WIDE else torch.randint(0, 256, (16, 3, 32, 32), dtype=torch.uint8)
    buffers = {name: value.clone() for name, value in network.named_buffers()}
    state = torch.get_rng_state()
    model.initialize_on(network, inputs)
    assert torch.equal(torch.get_rng_state(), state)
    assert network.training
    assert all(torch.equal(value, buffers[name]) for name, value in network.named_buffers())
    outputs = {}
    handles = [m.register_forward_hook(lambda m, _, out: outputs.update({m: out})) for m in network.modules()]
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    network(inputs)
    for handle in handles:
        handle.remove()
    deviations = [float(out.detach().std()) for m, out in outputs.items() if isinstance(m, LAYERS)]
    assert len(deviations) >= 3
    assert deviations == pytest.approx([1.0] * len(deviations), rel=1e-3)


def test_other_schemes_leave_the_network_alone_when_they_see_data():
    network = MLP(initialization="he_normal").build(WIDE, 5)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    MLP(initialization="he_normal").initialize_on(network, torch.randn(8, WIDTH))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("model", [MLP, CNN, ResNet, ConvNeXt, UNet])
def test_zero_last_starts_with_the_same_answer_for_all_classes(model):
    spec = WIDE if model is MLP else COLOR
    network = model(zero_last=True).build(spec, 4).eval()
    inputs = torch.randn(3, WIDTH) if model is MLP else torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    probabilities = network(inputs).softmax(1).detach()
    assert torch.equal(probabilities, torch.full_like(probabilities, 0.25))


def test_auto_starts_residual_networks_calmly_at_any_depth():
    inputs = torch.randn(64, WIDTH)
    for kind in ("none", "layer"):
        spread = {}
        for scheme in ("auto", "he_normal"):
            torch.manual_seed(0)
            model = MLP(residual=True, num_layers=40, normalization=kind, initialization=scheme)
            network = model.build(WIDE, 1)
            blocks = network[1:41]
            start = network[0](inputs)
            spread[scheme] = float(blocks(start).detach().var() / start.detach().var())
        assert spread["auto"] < 12 < spread["he_normal"]


def test_auto_starts_the_branches_of_a_normalized_resnet_at_zero():
    network = ResNet(blocks="1-1").build(COLOR, 2)
    block = next(module for module in network.modules() if type(module).__name__ == "Residual")
    maps = torch.rand(2, 16, 8, 8)
    assert torch.equal(block(maps), maps)


def test_auto_keeps_torchs_scale_where_a_normalization_follows():
    torch.manual_seed(0)
    network = MLP(normalization="batch", hidden_dim=500).build(WIDE, 1)
    assert float(network[0].weight.detach().var()) == pytest.approx(1 / (3 * WIDTH), rel=0.02)


def test_initialize_reaches_parametrized_weights():
    torch.manual_seed(0)
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(400, 500))
    initialize(nn.Sequential(layer, nn.Linear(500, 1)), "he_normal", "relu")
    assert float(layer.weight.detach().var()) == pytest.approx(2 / 400, rel=0.02)
