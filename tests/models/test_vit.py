"""The vision transformer: patches, places and settings by what they do."""

import pytest
import torch

from mapsto.data.encoders.base import Spec
from mapsto.errors import RecipeError
from mapsto.models import _patches
from mapsto.models.vit import ViT
from mapsto.testing.models import check_model

GREY = Spec("image", (1, 28, 28), "uint8", shift=(33.0,), scale=(1 / 78.0,))


@pytest.mark.parametrize(
    "settings",
    [
        {"positions": "rotary"},
        {"pooling": "first"},
        {"positions": "rotary", "pooling": "first"},
        {"pooling": "attention", "normalization": "rms", "patch_size": 5},
    ],
)
def test_settings_keep_the_contract(settings):
    check_model(ViT, **settings)


def test_patches_are_squares_of_the_image_in_the_order_of_reading():
    images = torch.arange(2 * 4 * 6.0).view(1, 2, 4, 6)
    layer = _patches.Patches(2, 2, 8)
    layer.dense.weight.data.copy_(torch.eye(8))
    layer.dense.bias.data.zero_()
    patches = layer(images)
    assert patches.shape == (1, 6, 8)
    assert torch.equal(patches[0, 4], images[0, :, 2:4, 2:4].flatten())


def test_borders_that_fill_no_patch_are_filled_with_zeros():
    layer = _patches.Patches(1, 4, 3)
    image = torch.randn(1, 1, 7, 9)
    whole = torch.zeros(1, 1, 8, 12)
    whole[..., :7, :9] = image
    assert torch.equal(layer(image), layer(whole))


@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_the_place_of_a_patch_is_known(positions):
    torch.manual_seed(0)
    network = ViT(positions=positions, patch_size=7).build(GREY, 4).eval()
    image = torch.randint(0, 256, (1, 1, 28, 28), dtype=torch.uint8)
    moved = image.roll(7, dims=3)
    assert float((network(image) - network(moved)).detach().abs().max()) > 1e-4


def test_rotary_places_know_rows_from_columns():
    rotary = _patches.grid_rotary((3, 5), 8, with_start=True)
    values = torch.randn(8).expand(1, 1, 16, 8)
    turned = rotary(values)[0, 0]
    assert torch.equal(turned[0], values[0, 0, 0])
    products = turned[1:] @ turned[1:].T
    assert float((products[0, 5] - products[7, 12]).abs()) < 1e-4
    assert float((products[0, 5] - products[0, 1]).abs()) > 1e-4


def test_patches_by_default_are_about_64_and_too_large_ones_are_refused():
    assert [ViT().side(*size) for size in ((28, 28), (64, 64), (3, 3))] == [4, 8, 1]
    with pytest.raises(RecipeError, match=r"`model.patch_size` = 29 is larger than an image of 28×28 pixels"):
        ViT(patch_size=29).build(GREY, 2)


def test_it_learns_where_something_is():
    torch.manual_seed(0)
    spec = Spec("image", (1, 12, 12), "uint8", scale=(1 / 64,))
    network = ViT(patch_size=4, embed_dim=32, num_layers=2).build(spec, 9)
    targets = torch.arange(9).repeat(12)
    images = torch.randint(0, 32, (108, 1, 12, 12), dtype=torch.uint8)
    for row, target in enumerate(targets.tolist()):
        images[row, 0, target // 3 * 4 : target // 3 * 4 + 4, target % 3 * 4 : target % 3 * 4 + 4] += 160
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(40):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(images), targets).backward()
        optimizer.step()
    assert float((network.eval()(images).argmax(1) == targets).float().mean()) > 0.95
