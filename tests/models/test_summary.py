"""What is known of a network before it is trained, beside known figures and closed forms."""

import math

import pytest
import torch
from torch import nn

from mapsto.data.encoders.base import Spec
from mapsto.models._summary import activation_bytes, summarize
from mapsto.models.cnn import CNN
from mapsto.models.convnext import ConvNeXt
from mapsto.models.mlp import MLP
from mapsto.models.resnet import ResNet
from mapsto.models.rnn import RNN
from mapsto.models.unet import UNet
from mapsto.recipe.families import MODELS
from mapsto.testing.models import sample_spec

PHOTO = Spec("image", (3, 224, 224), "uint8")
SMALL = Spec("image", (3, 32, 32), "uint8")
TABLE = Spec("features", (30,), "float32")


def summary(model, spec, outputs):
    return summarize(model.build(spec, outputs), torch.ones(1, *spec.shape, dtype=getattr(torch, spec.dtype)))


@pytest.mark.parametrize(
    ("model", "spec", "outputs", "macs"),
    [
        (ResNet(blocks="2-2-2-2", channels=64), PHOTO, 1000, 1.814e9),  # torchvision's page: 1.81 G
        (ResNet(shortcut="padding"), SMALL, 10, 40.55e6),
        (MLP(hidden_dim=128), TABLE, 2, 30 * 128 + 128 * 128 + 128 * 2),
        (RNN(embed_dim=6, hidden_dim=5), Spec("tokens", (20,), "int32", names=("a",) * 9), 2, 20 * 4 * 5 * 11 + 10),
    ],
)
def test_multiply_adds_are_the_known_ones(model, spec, outputs, macs):
    found = summary(model, spec, outputs)
    assert found.macs == pytest.approx(macs, rel=1e-3)
    assert sum(layer.macs for layer in found.layers) == found.macs


@pytest.mark.parametrize("name", [n for n in MODELS.built_in() if n != "timm"])
def test_the_layers_of_every_family_add_up_to_the_network(name):
    for encoder in MODELS.get(name).inputs:
        spec = sample_spec(encoder)
        network = MODELS.get(name)().build(spec, 5)
        found = summarize(network, torch.ones(1, *spec.shape, dtype=getattr(torch, spec.dtype)))
        assert found.parameters == sum(parameter.numel() for parameter in network.parameters())
        assert sum(layer.macs for layer in found.layers) == found.macs > 0
        assert len({layer.name for layer in found.layers}) == len(found.layers)


def test_layers_come_in_the_order_of_computing_with_their_shapes():
    found = summary(CNN(normalization="weight"), SMALL, 10)
    assert [(layer.kind, layer.shape) for layer in found.layers] == [
        ("Conv2d", (32, 32, 32)), ("MaxPool2d", (32, 16, 16)), ("Conv2d", (64, 16, 16)), ("MaxPool2d", (64, 8, 8)),
        ("Flatten", (4096,)), ("Linear", (10,)),
    ]  # fmt: skip
    assert found.layers[0].parameters == 32 * 27 + 32 + 32  # directions, lengths, biases
    assert found.layers[0].macs == 32 * 32 * 32 * 27


def closed_form(windows):
    """Of (window, stride) pairs: 1 + Σ (k - 1) · product of earlier strides."""
    field, jump = 1, 1
    for window, stride in windows:
        field, jump = field + (window - 1) * jump, jump * stride
    return field


@pytest.mark.parametrize("kernel_size", [3, 5])
@pytest.mark.parametrize("num_blocks", [1, 3])
def test_receptive_field_of_a_stack_is_the_closed_form(kernel_size, num_blocks):
    model = CNN(kernel_size=kernel_size, num_blocks=num_blocks, convs_per_block=2, channels=4)
    expected = closed_form([(kernel_size, 1), (kernel_size, 1), (2, 2)] * num_blocks)
    assert summary(model, SMALL, 2).receptive_field == (expected, expected)


def test_receptive_fields_of_known_networks():
    assert summary(ResNet(blocks="2-2-2-2", channels=64), PHOTO, 10).receptive_field == (435, 435)  # Araujo et al. 2019
    windows = [(2, 2), *[(7, 1)] * 2, (2, 2), *[(7, 1)] * 2, (2, 2), *[(7, 1)] * 2]
    assert summary(ConvNeXt(channels=8), SMALL, 2).receptive_field == (closed_form(windows),) * 2
    assert summary(MLP(), SMALL, 2).receptive_field is None
    assert summary(RNN(), sample_spec("tokens"), 2).receptive_field is None


def test_receptive_field_is_what_a_gradient_reaches():
    torch.manual_seed(0)
    network = UNet(depth=2, channels=4, normalization="none", activation="softplus").build(
        Spec("image", (1, 96, 96), "uint8"), 1
    )
    for place, layer in list(network.named_modules()):
        if isinstance(layer, nn.MaxPool2d):  # its gradient goes to one pixel only
            parent, _, own = place.rpartition(".")
            setattr(network.get_submodule(parent), own, nn.AvgPool2d(2))
    image = torch.rand(1, 1, 96, 96, dtype=torch.float32, requires_grad=True)
    expected = summarize(network, image.detach()).receptive_field
    reached = []
    for pixel in range(44, 52):  # what one sees depends on where it falls in the poolings' windows
        image.grad = None
        network(image)[0, 0, pixel, pixel].backward()
        rows = (image.grad[0, 0].abs().sum(1) > 0).nonzero()
        reached.append(int(rows.max() - rows.min()) + 1)
    assert max(reached) == expected[0]


def test_activation_bytes_are_what_a_row_keeps():
    network = nn.Sequential(nn.Linear(10, 100), nn.Sigmoid(), nn.Linear(100, 1))
    # The inputs of both dense layers; sigmoid keeps its output, which is the second of them.
    assert activation_bytes(network, torch.zeros(1, 10)) == 4 * (10 + 100)


def test_measuring_changes_nothing():
    network = CNN(normalization="batch", dropout=0.2).build(SMALL, 4)
    network[3].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    summarize(network, torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert network.training
    assert not network[3].training
    assert not any(module._forward_hooks for module in network.modules())
    assert math.prod(network(torch.zeros(2, 3, 32, 32, dtype=torch.uint8)).shape) == 8
