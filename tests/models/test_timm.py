"""Networks of timm by name, and weights from files."""

import sys
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from mapsto.data.encoders.base import Spec
from mapsto.errors import MissingPackage, RecipeError
from mapsto.models.timm import Timm
from mapsto.testing.models import check_model

timm = pytest.importorskip("timm")

GREY = Spec("image", (1, 32, 48), "uint8", shift=(33.0,), scale=(1 / 78.0,))
COLOR = Spec("image", (3, 64, 64), "uint8")


def test_the_default_keeps_the_contract():
    check_model(Timm, architecture="test_resnet")


@pytest.mark.parametrize("architecture", ["test_resnet", "test_vit", "test_convnext"])
@pytest.mark.parametrize("shape", [(1, 64, 96), (3, 64, 64)])
def test_architectures_of_every_kind_take_other_sizes_and_channels(architecture, shape):
    network = Timm(architecture=architecture).build(Spec("image", shape, "uint8"), 7).eval()
    assert network(torch.zeros(2, *shape, dtype=torch.uint8)).shape == (2, 7)


def test_resnet18_has_the_size_that_timm_says():
    network = Timm(architecture="resnet18").build(COLOR, 1000)
    assert sum(parameter.numel() for parameter in network.parameters()) == 11_689_512


def test_images_are_scaled_as_for_every_other_family():
    network = Timm(architecture="test_resnet").build(GREY, 2)
    pixels = torch.tensor([0, 33, 111, 255], dtype=torch.uint8).view(1, 1, 2, 2)
    assert torch.allclose(network[0](pixels), (pixels.float() - 33) / 78, atol=1e-6)


def test_zero_last_dropout_and_stochastic_depth():
    network = Timm(architecture="test_resnet", zero_last=True, dropout=0.2).build(COLOR, 4).eval()
    assert torch.equal(network(torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)), torch.zeros(2, 4))
    assert network[1].drop_rate == 0.2
    model = Timm(architecture="test_vit", stochastic_depth=0.3).build(COLOR, 4)
    rates: list[Any] = [module.drop_prob for module in model.modules() if type(module).__name__ == "DropPath"]
    assert max(rates) == pytest.approx(0.3)


@pytest.fixture
def saved(tmp_path):
    def save(architecture, **options):
        torch.manual_seed(7)
        source = timm.create_model(architecture, pretrained=False, **options)
        path = tmp_path / f"{architecture}.safetensors"
        save_file(source.state_dict(), path)
        return source, path

    return save


def test_weights_of_a_file_are_loaded_but_for_the_head(saved):
    source, path = saved("test_resnet", num_classes=7)
    model = Timm(architecture="test_resnet", weights=str(path))
    network = model.build(COLOR, 7)
    head = network[1].fc.weight.detach().clone()
    model.load_weights(network)
    for name, tensor in source.state_dict().items():
        assert torch.equal(network[1].state_dict()[name], tensor) != name.startswith("fc."), name
    assert torch.equal(network[1].fc.weight, head)


def test_weights_for_three_channels_are_summed_for_one(saved):
    source, path = saved("test_resnet")
    model = Timm(architecture="test_resnet", weights=str(path))
    network = model.build(GREY, 2)
    model.load_weights(network)
    name = source.pretrained_cfg["first_conv"] + ".weight"
    assert torch.allclose(network[1].state_dict()[name], source.state_dict()[name].sum(1, keepdim=True), atol=1e-6)


def test_positions_of_another_image_size_are_resampled(saved):
    _, path = saved("test_vit")  # 160 pixels
    model = Timm(architecture="test_vit", weights=str(path))
    network = model.build(COLOR, 2)
    before = network[1].pos_embed.detach().clone()
    model.load_weights(network)
    assert network[1].pos_embed.shape == before.shape
    assert not torch.equal(network[1].pos_embed, before)


def test_a_file_of_another_architecture_is_refused(saved):
    _, path = saved("test_convnext")
    model = Timm(architecture="test_resnet", weights=str(path))
    with pytest.raises(RecipeError, match=r"does not fit timm's test_resnet: of its weights the file lacks"):
        model.load_weights(model.build(COLOR, 2))


def test_a_pickle_is_not_opened(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({"conv1.weight": torch.zeros(1)}, path)
    model = Timm(architecture="test_resnet", weights=str(path))
    with pytest.raises(RecipeError, match="no file of weights in the safetensors format"):
        model.load_weights(model.build(COLOR, 2))
    gone = Timm(architecture="test_resnet", weights=str(tmp_path / "gone.safetensors"))
    with pytest.raises(RecipeError, match="no file of weights in the safetensors format"):
        gone.load_weights(gone.build(COLOR, 2))


def test_the_hub_is_asked_for_safetensors_and_only_when_told_to(saved, monkeypatch):
    import huggingface_hub

    source, path = saved("test_resnet")
    asked: list[Any] = []

    def download(*args):
        asked.append(args)
        return str(path)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    plain = Timm(architecture="test_resnet")
    plain.load_weights(plain.build(COLOR, 2))
    assert asked == []
    model = Timm(architecture="test_resnet", weights="hub")
    network = model.build(COLOR, 2)
    model.load_weights(network)
    assert asked == [(source.pretrained_cfg["hf_hub_id"], "model.safetensors")]
    assert torch.equal(network[1].conv1[0].weight, source.conv1[0].weight)


def test_what_cannot_be_is_refused_in_words(monkeypatch):
    with pytest.raises(RecipeError, match=r'no network called "resnet81".* Did you mean "resnet'):
        Timm(architecture="resnet81").build(COLOR, 2)
    with pytest.raises(RecipeError, match="cannot be made for 3 channels of 20×20 pixels"):
        Timm(architecture="test_vit").build(Spec("image", (3, 20, 20), "uint8"), 2)
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingPackage, match=r"pip install 'mapsto\[vision\]'"):
        Timm().build(COLOR, 2)
