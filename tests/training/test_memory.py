"""Layouts, activations that are computed again, compiling and determinism: another cost, the same result."""

import pytest
import torch
from torch import nn

from mapsto._imports import torch as lazy
from mapsto.data.encoders.base import Spec
from mapsto.models._layers import Residual
from mapsto.models.vit import ViT
from mapsto.training.memory import Layout, checkpoint_activations, deterministic
from mapsto.training.parts import Noise, generators_kept


def run(trainer):
    return list(trainer.advance(trainer.recipe.training.max_epochs))


def kept_bytes(network, inputs):
    """Bytes that autograd keeps of a forward pass, beside the weights."""
    own = {parameter.data_ptr() for parameter in network.parameters()}
    kept = {}

    def pack(tensor):
        if tensor.data_ptr() not in own:
            kept[tensor.data_ptr()] = tensor.nbytes
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network(inputs).sum()
    return sum(kept.values())


def deep():
    torch.manual_seed(0)
    kinds = [lambda: nn.Linear(32, 32), lambda: nn.BatchNorm1d(32), nn.GELU, lambda: nn.Dropout(0.3)]
    return nn.Sequential(*(make() for _ in range(6) for make in kinds))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.BatchNorm1d(32), nn.Linear(32, 32), nn.GELU(), nn.Dropout(0.2), nn.Linear(32, 32))

    def forward(self, inputs):
        return inputs + self.inner(inputs)


def residual():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(32, 32), *(Block() for _ in range(4)), nn.Linear(32, 32))


@pytest.mark.parametrize("build", [deep, residual])
def test_activations_computed_again_take_less_memory_and_give_the_same_bits(build):
    plain, made = build(), build()
    checkpoint_activations(made)
    inputs = torch.randn(64, 32, generator=torch.Generator().manual_seed(1))
    for network in (plain, made):
        torch.manual_seed(5)
        for _ in range(2):
            network(inputs).square().mean().backward()
    for (name, first), second in zip(plain.named_parameters(), made.parameters(), strict=True):
        assert torch.equal(first.grad, second.grad), name
    for name, tensor in plain.state_dict().items():  # running statistics, and how often they were taken
        assert torch.equal(tensor, made.state_dict()[name]), name
    assert kept_bytes(made, inputs) < 0.5 * kept_bytes(plain, inputs)


def test_a_whole_training_is_the_same_with_activations_computed_again(small):
    settings = ["model.normalization=batch", "model.dropout=0.2", "model.num_layers=3"]
    plain, made = small(*settings), small(*settings, "training.checkpoint_activations=true")
    run(plain)
    run(made)
    for name, tensor in plain.network.state_dict().items():
        assert torch.equal(tensor, made.network.state_dict()[name]), name


@pytest.mark.parametrize("wanted", ["channels_last", "contiguous"])
def test_kernels_and_activations_lie_as_asked(small, wanted):
    made = small(f"training.memory_format={wanted}", kind="image")
    memory_format = getattr(torch, wanted if wanted == "channels_last" else "contiguous_format")
    kernel = next(module for module in made.network.modules() if isinstance(module, nn.Conv2d))
    seen = []
    kernel.register_forward_hook(lambda module, inputs, outputs: seen.append(outputs))
    laid = next(module for module in made.network.modules() if type(module).__name__ == "ChannelsLast")
    assert laid(torch.zeros(2, 3, 4, 4)).is_contiguous(memory_format=memory_format)
    run(made)
    assert all(outputs.is_contiguous(memory_format=memory_format) for outputs in seen)
    assert made.best.score > 0.5


@pytest.mark.parametrize("faster", ["channels_last", "contiguous"])
def test_the_faster_layout_is_kept_and_nothing_else_is_touched(monkeypatch, faster):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    layout = Layout(network, "measured")
    monkeypatch.setattr(
        Layout, "_seconds",
        lambda self, gradients, *, channels_last: (
            type(self)._apply(self, channels_last=channels_last),
            gradients(),
            1.0 if channels_last == (faster == "channels_last") else 2.0,
        )[-1],
    )  # fmt: skip
    layout.choose(lambda: network(torch.randn(2, 3, 8, 8)).sum().backward())
    assert layout.channels_last == (faster == "channels_last")
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    layout.choose(lambda: pytest.fail("it was measured twice"))


def test_a_measured_layout_leaves_no_trace_in_the_weights(small):
    plain, made = small("model.dropout=0.3", kind="image"), small(
        "model.dropout=0.3", "training.memory_format=measured", kind="image"
    )  # fmt: skip
    run(plain)
    run(made)
    assert made.step.layout.channels_last is not None
    for name, tensor in plain.network.state_dict().items():
        assert torch.allclose(tensor, made.network.state_dict()[name], atol=1e-4), name


def test_networks_without_kernels_are_not_measured(small):
    assert not small("training.memory_format=measured").step.layout.is_open


def test_determinism_is_asked_of_torch_and_given_back(small):
    made, seen = small("training.deterministic=true"), []
    made.network.register_forward_hook(lambda *_: seen.append(torch.are_deterministic_algorithms_enabled()))
    run(made)
    assert set(seen) == {True}
    assert not torch.are_deterministic_algorithms_enabled()
    with pytest.raises(RuntimeError, match="deterministic"), deterministic(True):
        nn.MaxUnpool2d(2)(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2, dtype=torch.int64))
    assert not torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with deterministic(True):
            assert not torch.is_deterministic_algorithms_warn_only_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)


def test_the_generator_of_an_accelerator_is_seeded_kept_and_saved(monkeypatch):
    """Another generator stands for the accelerator's, since there is not one everywhere."""

    class Accelerator:
        generator = torch.Generator().manual_seed(77)

        @classmethod
        def get_rng_state(cls):
            return cls.generator.get_state()

        @classmethod
        def set_rng_state(cls, state):
            cls.generator.set_state(state)

    generators = torch.Generator
    monkeypatch.setattr(lazy, "get_device_module", lambda device: Accelerator)
    monkeypatch.setattr(lazy, "Generator", lambda place="cpu": generators())

    def drawn():
        return torch.rand(3, generator=Accelerator.generator).tolist()

    before, noise = Accelerator.get_rng_state(), Noise("cuda", seed=3)
    with noise.drawn():
        first = drawn()
        saved = noise.state()
        second = drawn()
    assert torch.equal(Accelerator.get_rng_state(), before)
    again = Noise("cuda", seed=4)
    with again.drawn():
        assert drawn() != first
    again.restore(saved)
    with again.drawn():
        assert drawn() == second
    with generators_kept("cuda"):
        drawn()
    assert torch.equal(Accelerator.get_rng_state(), before)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_compiled_training_gives_the_same_weights(small):
    plain, made = small(), small("training.compile=true")
    run(plain)
    run(made)
    assert type(made.step._running).__name__ == "OptimizedModule"
    for name, tensor in plain.network.state_dict().items():
        assert torch.allclose(tensor, made.network.state_dict()[name], atol=1e-4), name


class Wrapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleList(Residual(nn.Sequential(nn.Linear(8, 8), nn.ReLU())) for _ in range(3))
        self.head = nn.Linear(8, 2)


def test_what_is_computed_again_is_a_block_at_a_time_also_within_a_network_of_another_package():
    attention = ViT(num_layers=3, embed_dim=16, num_heads=2).build(Spec("image", (1, 8, 8), "uint8"), 4)
    inner = Wrapped()
    for network, parts in ((nn.Sequential(nn.Flatten(), inner), inner.stages), (attention, attention.body.blocks)):
        checkpoint_activations(network)
        assert all("forward" in vars(part) for part in parts)
    assert "forward" not in vars(inner)
    assert "forward" not in vars(attention.body)
