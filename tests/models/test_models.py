"""Every model family, and what its settings do to the network."""

import math

import pytest
import torch
from torch import nn

from mapsto.data.encoders.base import Spec
from mapsto.errors import RecipeError
from mapsto.models.cnn import CNN
from mapsto.models.mlp import MLP
from mapsto.models.rnn import RNN
from mapsto.models.unet import UNet
from mapsto.recipe.families import MODELS
from mapsto.testing.models import check_model, sample_spec

TABLE = Spec("features", (30,), "float32")
GREY = Spec("image", (1, 28, 28), "uint8", shift=(33.0,), scale=(1 / 78.0,))
WORDS = Spec("tokens", (20,), "int32", names=tuple(f"w{i}" for i in range(10_000)))


@pytest.mark.parametrize("name", MODELS.built_in())
def test_conformance(name):
    check_model(MODELS.get(name))


def layers(network, kind):
    return [layer for layer in network.modules() if isinstance(layer, kind)]


def shapes(network):
    return [tuple(layer.weight.shape) for layer in network.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]


def test_the_mlp_of_the_benchmark_is_30_128_128_2():
    assert shapes(MLP(hidden_dim=128, num_layers=2).build(TABLE, 2)) == [(128, 30), (128, 128), (2, 128)]


def test_the_two_convolution_network_is_conv_32_pool_conv_64_pool_flatten_dense_10():
    network = CNN(channels=32, num_blocks=2, padding="valid").build(GREY, 10)
    assert shapes(network) == [(32, 1, 3, 3), (64, 32, 3, 3), (10, 64 * 5 * 5)]
    assert len(layers(network, nn.MaxPool2d)) == 2


def test_the_lstm_recipe_is_embedding_10000_64_lstm_64_dense():
    network = RNN().build(WORDS, 2)
    (embedding,), (lstm,) = layers(network, nn.Embedding), layers(network, nn.LSTM)
    assert tuple(embedding.weight.shape) == (10_000, 64)
    assert (lstm.input_size, lstm.hidden_size) == (64, 64)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("relu", nn.ReLU), ("gelu", nn.GELU), ("silu", nn.SiLU), ("tanh", nn.Tanh), ("elu", nn.ELU), ("selu", nn.SELU)]
    + [("leaky_relu", nn.LeakyReLU), ("sigmoid", nn.Sigmoid)],
)
def test_activation(name, kind):
    assert len(layers(MLP(activation=name, num_layers=3).build(TABLE, 2), kind)) == 3


def test_normalization_makes_layers_of_its_kind():
    assert len(layers(MLP(normalization="batch").build(TABLE, 2), nn.BatchNorm1d)) == 2
    assert len(layers(MLP(normalization="layer").build(TABLE, 2), nn.LayerNorm)) == 2
    assert len(layers(CNN(normalization="batch").build(GREY, 2), nn.BatchNorm2d)) == 2


def test_dropout_zeroes_its_share_in_training_and_nothing_in_evaluation():
    network = MLP(dropout=0.3, num_layers=1, hidden_dim=20_000).build(TABLE, 1)
    drop = layers(network, nn.Dropout)[0]
    ones = torch.ones(1, 20_000)
    assert float((drop.train()(ones) == 0).float().mean()) == pytest.approx(0.3, abs=0.02)
    assert torch.equal(drop.eval()(ones), ones)


@pytest.mark.parametrize(
    ("scheme", "variance"), [("he_normal", 2 / 1000), ("lecun_normal", 1 / 1000), ("xavier_normal", 2 / 1500)]
)
def test_initialization_has_the_variance_of_its_paper(scheme, variance):
    torch.manual_seed(0)
    spec = Spec("features", (1000,), "float32")
    weight = layers(MLP(hidden_dim=500, initialization=scheme).build(spec, 1), nn.Linear)[0].weight
    assert float(weight.detach().var()) == pytest.approx(variance, rel=0.02)


def test_orthogonal_initialization_keeps_lengths():
    network = MLP(hidden_dim=30, num_layers=1, initialization="orthogonal", activation="tanh").build(TABLE, 1)
    weight = layers(network, nn.Linear)[0].weight
    assert torch.allclose(weight @ weight.T, torch.eye(30), atol=1e-4)


def test_he_keeps_the_signal_through_fifty_layers_and_lecun_loses_it_behind_relu():
    torch.manual_seed(0)
    inputs = torch.randn(64, 256)
    spec = Spec("features", (256,), "float32")
    spread = {}
    for scheme in ("he_normal", "lecun_normal"):
        network = MLP(hidden_dim=256, num_layers=50, initialization=scheme).build(spec, 1)
        spread[scheme] = float(network[:-1](inputs).detach().std())
    assert spread["he_normal"] > 0.1
    assert spread["lecun_normal"] < spread["he_normal"] * 2 ** (-50 / 2) * 100


def test_images_are_scaled_by_the_statistics_of_their_spec():
    scale = CNN().build(GREY, 10)[0]
    pixels = torch.tensor([0, 33, 111, 255], dtype=torch.uint8).view(1, 1, 2, 2)
    expected = (pixels.float() - 33) / 78
    assert torch.allclose(scale(pixels), expected, atol=1e-6)


def test_hidden_dim_adds_a_dense_layer_and_average_shrinks_the_head():
    assert len(shapes(CNN(hidden_dim=50).build(GREY, 10))) == 4
    assert shapes(CNN(head="average").build(GREY, 10))[-1] == (10, 64)


def test_channels_double_from_block_to_block():
    assert [s[0] for s in shapes(CNN(channels=8, num_blocks=3, convs_per_block=2).build(GREY, 10))[:-1]] == [
        8, 8, 16, 16, 32, 32,
    ]  # fmt: skip


def test_too_many_poolings_are_refused_with_the_size():
    with pytest.raises(RecipeError, match=r"`model.num_blocks` = 5 poolings leave nothing of an image of 28×28 pixels"):
        CNN(num_blocks=5).build(GREY, 10)
    with pytest.raises(RecipeError, match=r"`model.depth` = 5 halves an image of 28×28 pixels to nothing"):
        UNet(depth=5).build(GREY, 10)


def test_a_bidirectional_rnn_reads_from_both_ends():
    torch.manual_seed(0)
    network = RNN(bidirectional=True, hidden_dim=8).build(WORDS, 2).eval()
    tokens = torch.randint(2, 100, (1, 20))
    changed = tokens.clone()
    changed[0, 0] = 500
    forward = RNN(bidirectional=False, hidden_dim=8).build(WORDS, 2).eval()
    effect = [float((net(tokens) - net(changed)).detach().abs().max()) for net in (network, forward)]
    assert effect[0] > 10 * effect[1] > 0


def test_padding_on_the_left_has_a_zero_embedding():
    network = RNN().build(WORDS, 2)
    assert float(layers(network, nn.Embedding)[0].weight.detach()[0].abs().sum()) == 0


def test_gru_is_a_gru():
    assert layers(RNN(cell="gru").build(WORDS, 2), nn.GRU)


def test_unet_answers_at_every_pixel_of_odd_sizes():
    spec = Spec("image", (3, 45, 61), "uint8")
    network = UNet(depth=3, channels=4).build(spec, 11)
    assert network(torch.zeros(2, 3, 45, 61, dtype=torch.uint8)).shape == (2, 11, 45, 61)


def test_unet_sees_both_near_and_far():
    torch.manual_seed(0)
    spec = Spec("image", (1, 64, 64), "uint8")
    network = UNet(depth=3, channels=4, normalization="none").build(spec, 1)
    image = torch.rand(1, 1, 64, 64, requires_grad=True)
    network(image)[0, 0, 32, 32].backward()
    seen = (image.grad[0, 0].abs() > 0).nonzero()
    assert int(seen[:, 0].max() - seen[:, 0].min()) >= 40


def test_depth_zero_is_a_linear_model():
    assert shapes(MLP(num_layers=0).build(TABLE, 3)) == [(3, 30)]


def test_sample_specs_are_what_the_families_read():
    for name in MODELS.built_in():
        for encoder in MODELS.get(name).inputs:
            assert sample_spec(encoder).encoder == encoder
            assert math.prod(sample_spec(encoder).shape) > 0


MIXED = Spec("features", (4,), "float32", names=("a", "a missing", "city", "b"), levels=(0, 2, 6, 0))


def mixed_inputs(rows):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(rows, 4, generator=generator)
    inputs[:, 1] = (inputs[:, 1] > 0).float()
    inputs[:, 2] = torch.randint(0, 6, (rows,), generator=generator).float()
    return inputs


def test_level_numbers_are_looked_up_and_flags_and_numbers_pass():
    network = MLP(num_layers=0, embedding_dim=3).build(MIXED, 2)
    (embedding,) = layers(network, nn.Embedding)
    assert tuple(embedding.weight.shape) == (6, 3)
    assert shapes(network) == [(2, 2 + 1 + 3)]
    inputs = mixed_inputs(8)
    joined = network[0](inputs)
    assert torch.equal(joined[:, :3], inputs[:, [0, 3, 1]])
    assert torch.equal(joined[:, 3:], embedding(inputs[:, 2].long()))


def test_a_level_that_training_never_saw_has_the_zero_vector():
    network = MLP().build(MIXED, 2)
    inputs = mixed_inputs(4)
    inputs[:, 2] = 0
    assert float(network[0](inputs)[:, 3:].detach().abs().sum()) == 0


def fit(network, inputs, targets, steps=300, learning_rate=1e-2):
    optimizer = torch.optim.Adam(network.parameters(), learning_rate)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(network(inputs).squeeze(1), targets)
        loss.backward()
        optimizer.step()
    return float(loss.detach())


def test_the_vectors_of_levels_are_learned():
    torch.manual_seed(0)
    inputs = mixed_inputs(400)
    effect = torch.tensor([0.0, 3.0, -2.0, 5.0, -4.0, 1.0])
    targets = effect[inputs[:, 2].long()]
    network = MLP(hidden_dim=16, num_layers=1).build(MIXED, 1)
    before = layers(network, nn.Embedding)[0].weight.detach().clone()
    plain = MLP(hidden_dim=16, num_layers=1).build(Spec("features", (4,), "float32"), 1)
    assert fit(network, inputs, targets, steps=200) < 0.05 < 0.5 * fit(plain, inputs, targets, steps=200)
    assert float((layers(network, nn.Embedding)[0].weight.detach() - before).abs().max()) > 0.1


def test_periodic_embeddings_learn_what_changes_fast_with_a_number():
    torch.manual_seed(0)
    inputs = torch.linspace(-2, 2, 400).unsqueeze(1)
    targets = torch.sin(12 * inputs).squeeze(1)
    spec = Spec("features", (1,), "float32", levels=(0,))
    plain = MLP(hidden_dim=32).build(spec, 1)
    periodic = MLP(hidden_dim=32, numeric_embedding="periodic", frequency_scale=1.0).build(spec, 1)
    assert fit(periodic, inputs, targets) < 0.1 * fit(plain, inputs, targets)
    start = MLP(hidden_dim=32, numeric_embedding="periodic", num_frequencies=7, numeric_dim=5).build(spec, 1)
    assert tuple(start[0].periodic.weight.shape) == (1, 14, 5)
    assert shapes(start)[0] == (32, 5)


@pytest.mark.parametrize("settings", [{}, {"numeric_embedding": "periodic"}])
def test_mixed_features_keep_the_contract(settings):
    network = MLP(normalization="batch", **settings).build(MIXED, 3)
    inputs = mixed_inputs(6)
    network(inputs).square().mean().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    network.eval()
    assert torch.allclose(network(inputs)[2:3], network(inputs[2:3]), atol=1e-5)


def test_frequency_scale_is_the_deviation_of_the_frequencies():
    spec = Spec("features", (50,), "float32", levels=(0,) * 50)
    network = MLP(numeric_embedding="periodic", frequency_scale=0.7, num_frequencies=64).build(spec, 1)
    assert float(network[0].periodic.frequencies.detach().std()) == pytest.approx(0.7, rel=0.05)
