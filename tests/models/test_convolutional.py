"""Residual and convolutional networks: sizes of the papers, and what their settings do."""

from typing import Any

import pytest
import torch
from torch import nn

from mapsto.data.encoders.base import Spec
from mapsto.errors import RecipeError
from mapsto.models._layers import OverChannels, StochasticDepth, depth_rates, num_groups
from mapsto.models._options import stages
from mapsto.models.cnn import CNN
from mapsto.models.convnext import ConvNeXt
from mapsto.models.mlp import MLP
from mapsto.models.resnet import ResNet
from mapsto.models.unet import UNet
from mapsto.testing.models import check_model

PHOTO = Spec("image", (3, 224, 224), "uint8")
SMALL = Spec("image", (3, 32, 32), "uint8", shift=(128.0,) * 3, scale=(1 / 74,) * 3)
TABLE = Spec("features", (30,), "float32")
NORMALIZATIONS = ("none", "batch", "layer", "rms", "group", "weight")


def size(network):
    return sum(parameter.numel() for parameter in network.parameters())


def layers(network, kind):
    return [layer for layer in network.modules() if isinstance(layer, kind)]


@pytest.mark.parametrize(
    ("model", "spec", "outputs", "parameters"),
    [
        (ResNet(blocks="2-2-2-2", channels=64), PHOTO, 1000, 11_689_512),  # torchvision's resnet18
        (ResNet(blocks="3-4-6-3", channels=64, block="bottleneck"), PHOTO, 1000, 25_557_032),  # and resnet50
        (ResNet(shortcut="padding"), SMALL, 10, 269_722),  # ResNet-20: 0.27 M in He et al. 2015, table 6
        (ResNet(blocks="9-9-9", shortcut="padding"), SMALL, 10, 853_018),  # ResNet-56: 0.85 M
        (ConvNeXt(blocks="3-3-9-3", channels=96, patch_size=4), PHOTO, 1000, 28_589_128),  # convnext_tiny
    ],
)
def test_sizes_of_the_papers(model, spec, outputs, parameters):
    assert size(model.build(spec, outputs)) == parameters


def test_maps_of_resnet_18_have_the_sizes_of_torchvisions():
    network: Any = ResNet(blocks="2-2-2-2", channels=64).build(PHOTO, 1000).eval()
    shapes: list[Any] = []
    for module in network:
        if type(module).__name__ == "Residual":
            module.register_forward_hook(lambda m, _, out: shapes.append(tuple(out.shape[1:])))
    network(torch.zeros(1, 3, 224, 224, dtype=torch.uint8))
    assert shapes == [(64, 56, 56)] * 2 + [(128, 28, 28)] * 2 + [(256, 14, 14)] * 2 + [(512, 7, 7)] * 2


@pytest.mark.parametrize("family", [ResNet, ConvNeXt, CNN, UNet, MLP])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_every_normalization_keeps_the_contract(family, normalization):
    small = {"channels": 8} if family is not MLP else {"residual": True, "hidden_dim": 16}
    check_model(family, normalization=normalization, **small)


@pytest.mark.parametrize("activation", ["relu", "mish", "softplus", "hard_swish"])
def test_other_settings_keep_the_contract(activation):
    check_model(ResNet, block="bottleneck", channels=4, activation=activation, shortcut="padding", stem="large")
    check_model(ConvNeXt, channels=8, layer_scale=0, activation=activation, patch_size=1, kernel_size=3)
    check_model(MLP, residual=True, num_layers=3, activation=activation)


@pytest.mark.parametrize(("kind", "axes"), [("layer", (1,)), ("rms", (1,)), ("batch", (0, 2, 3))])
def test_maps_are_normalized_over_the_axes_of_their_kind(kind, axes):
    norm = CNN(normalization=kind, channels=16).build(SMALL, 2)[3]
    outputs = norm(5 + 3 * torch.randn(4, 16, 6, 6)).detach()
    power = outputs.square().mean(axes)
    assert torch.allclose(power, torch.ones_like(power), atol=1e-3)
    assert torch.allclose(outputs.mean(axes), torch.zeros_like(power), atol=1e-4) == (kind != "rms")
    assert isinstance(norm, OverChannels | nn.BatchNorm2d)


def test_groups_are_of_at_least_eight_channels_where_there_are_as_many():
    norm = CNN(normalization="group", channels=64).build(SMALL, 2)[3]
    outputs = norm(5 + 3 * torch.randn(4, 64, 6, 6)).detach().view(4, 8, 8, 36)
    assert torch.allclose(outputs.mean((2, 3)), torch.zeros(4, 8), atol=1e-5)
    for width in range(1, 600):
        groups = num_groups(width)
        assert width % groups == 0
        assert groups <= 32
        assert groups == 1 or width // groups >= 8


def test_weight_normalization_parts_lengths_from_directions():
    network = CNN(normalization="weight", channels=4).build(SMALL, 2)
    conv = network[2]
    lengths, directions = conv.parametrizations.weight.original0, conv.parametrizations.weight.original1
    assert torch.allclose(conv.weight.flatten(1).norm(dim=1), lengths.flatten())
    before = conv.weight.detach().clone()
    with torch.no_grad():
        directions.mul_(7)
    assert torch.allclose(conv.weight, before, atol=1e-6)
    assert not hasattr(network[-1], "parametrizations")


def test_spatial_dropout_zeroes_whole_maps_at_its_rate():
    drop = layers(CNN(spatial_dropout=0.3).build(SMALL, 2), nn.Dropout2d)[0]
    outputs = drop.train()(torch.ones(200, 64, 5, 5))
    means = outputs.mean((2, 3))
    assert sorted(means.unique().tolist()) == pytest.approx([0, 1 / 0.7])
    assert float((means == 0).float().mean()) == pytest.approx(0.3, abs=0.02)
    assert torch.equal(drop.eval()(outputs), outputs)
    for family in (ResNet, ConvNeXt, UNet):
        assert layers(family(spatial_dropout=0.3).build(SMALL, 2), nn.Dropout2d)


def test_stochastic_depth_leaves_out_rows_at_its_rate_and_keeps_the_mean():
    drop = StochasticDepth(0.3)
    outputs = drop(torch.ones(20_000, 3, 1, 1))
    assert float((outputs == 0).float().mean()) == pytest.approx(0.3, abs=0.01)
    assert float(outputs.mean()) == pytest.approx(1, abs=0.02)
    assert torch.equal((outputs == 0).sum(1).unique(), torch.tensor([0, 3]))
    assert torch.equal(drop.eval()(torch.ones(3, 2)), torch.ones(3, 2))


@pytest.mark.parametrize("family", [ResNet, ConvNeXt, MLP])
def test_stochastic_depth_grows_linearly_to_its_rate(family):
    model = MLP(residual=True, num_layers=4, stochastic_depth=0.4) if family is MLP else None
    model = model or family(blocks="2-2", stochastic_depth=0.4)
    network = model.build(TABLE if family is MLP else SMALL, 2)
    assert [drop.rate for drop in layers(network, StochasticDepth)] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert depth_rates(0.4, 4) == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_a_block_that_is_left_out_answers_with_its_input():
    torch.manual_seed(0)
    network = MLP(residual=True, num_layers=1, stochastic_depth=0.5, hidden_dim=8).build(TABLE, 2)
    block, inputs = network[1], torch.randn(400, 8)
    left_out = (block(inputs) == inputs).all(1)
    assert float(left_out.float().mean()) == pytest.approx(0.5, abs=0.1)


def test_stochastic_depth_without_residual_blocks_is_refused():
    with pytest.raises(RecipeError, match="`model.residual: true`"):
        MLP(stochastic_depth=0.1).build(TABLE, 2)


def test_blocks_are_read_or_refused():
    assert stages("3-4-6-3") == (3, 4, 6, 3)
    for text in ("", "3-", "a-b", "0-1", "1-1-1-1-1-1-1", "3,4"):
        with pytest.raises(ValueError, match="does not say how many blocks each stage has"):
            ResNet(blocks=text)


def test_too_many_stages_are_refused_with_the_size():
    with pytest.raises(RecipeError, match="leave nothing of an image of 32×32 pixels"):
        ConvNeXt(blocks="1-1-1-1", patch_size=8).build(SMALL, 2)


@pytest.mark.parametrize(("stem", "side"), [("auto", 32), ("small", 32), ("large", 8)])
def test_the_stem_is_by_the_size_of_the_images(stem, side):
    network: Any = ResNet(stem=stem).build(SMALL, 2)
    shapes = []
    first = next(module for module in network if type(module).__name__ == "Residual")
    first.register_forward_hook(lambda m, _, out: shapes.append(out.shape[-1]))
    network(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))
    assert shapes == [side]


@pytest.mark.parametrize("family", [ResNet, ConvNeXt])
def test_they_learn_where_a_bright_square_is(family):
    torch.manual_seed(0)
    targets = torch.arange(64) % 2
    images = torch.randint(0, 60, (64, 1, 16, 16), dtype=torch.uint8)
    images[targets == 1, :, 2:6, 2:6] += 120
    spec = Spec("image", (1, 16, 16), "uint8", shift=(35.0,), scale=(1 / 30,))
    network = family(blocks="1-1", channels=8).build(spec, 2)
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    for _ in range(80):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(images), targets)
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.1
