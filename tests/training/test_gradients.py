"""check_gradients: right networks pass, planted faults are named, and the model stays as it was."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import mapsto as mp
from mapsto.errors import ModelError
from mapsto.training.gradients import check_gradients

cross_entropy = nn.functional.cross_entropy


class WrongSquare(torch.autograd.Function):
    """x², whose backward forgets the 2."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (x,) = ctx.saved_tensors
        return gradients[0] * x


class Square(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return WrongSquare.apply(x)


class Block(nn.Module):
    """Whose own forward is at fault, with parts that are right."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.first(x).detach().tanh())


def batch(columns: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(6, columns, generator=generator), torch.tensor([0, 1, 1, 0, 1, 0])


def test_a_network_of_many_kinds_of_layers_is_right() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Unflatten(1, (1, 6, 6)), nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Dropout(0.3), nn.LayerNorm(16), nn.Linear(16, 8), nn.GELU(), nn.Linear(8, 2),
    )  # fmt: skip
    found = check_gradients(network, cross_entropy, batch(36))
    assert found.ok, str(found)
    assert [layer.kind for layer in found.layers][:3] == ["Sequential", "Unflatten", "Conv2d"]
    assert all(layer.error < 1e-4 for layer in found.layers)


def test_recurrent_and_attention_layers_are_right() -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.lstm = nn.Embedding(9, 4), nn.LSTM(4, 5, batch_first=True)
            self.attention, self.last = nn.MultiheadAttention(5, 1, batch_first=True), nn.Linear(5, 2)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            steps, _ = self.lstm(self.embedding(ids))
            mixed, _ = self.attention(steps, steps, steps)
            return self.last(mixed.mean(1))

    torch.manual_seed(0)
    ids = torch.randint(0, 9, (6, 7))
    found = check_gradients(Reader(), cross_entropy, (ids, torch.tensor([0, 1, 1, 0, 1, 0])))
    assert found.ok, str(found)


def test_a_wrong_backward_is_named_and_nothing_else() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), Square(), nn.Linear(5, 2))
    found = check_gradients(network, cross_entropy, batch())
    assert not found.ok
    assert found.wrong == ("2",)
    square = next(layer for layer in found.layers if layer.name == "2")
    assert square.kind == "Square"
    assert square.error == pytest.approx(0.5, abs=0.01)  # x in place of 2x
    assert "Wrong gradients: 2." in str(found)


def test_a_detached_flow_is_named_with_the_container_that_cuts_it() -> None:
    torch.manual_seed(0)
    found = check_gradients(nn.Sequential(nn.Linear(3, 4), Block(), nn.Linear(4, 2)), cross_entropy, batch())
    assert found.wrong == ("1",)
    block = next(layer for layer in found.layers if layer.name == "1")
    assert block.error == float("inf")


def test_a_wrong_loss_is_named() -> None:
    def wrong(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return WrongSquare.apply(outputs).mean()

    found = check_gradients(nn.Linear(3, 2), wrong, batch())
    assert found.wrong == ("loss",)


def test_a_layer_that_leaves_double_precision_is_refused_by_name() -> None:
    class Single(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.float().double().float()

    with pytest.raises(ModelError, match="Single.*float32"):
        check_gradients(nn.Sequential(nn.Linear(3, 2), Single()), cross_entropy, batch())


def test_model_and_generator_stay_as_they_were() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    assert mp.check_gradients(network, cross_entropy, batch()).ok
    assert torch.equal(torch.rand(2), expected)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_inputs_may_be_several_or_named() -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mix = nn.Bilinear(3, 3, 2)

        def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
            return self.mix(left, right)

    inputs, targets = batch()
    assert check_gradients(Pair(), cross_entropy, ((inputs, inputs), targets)).ok
    assert check_gradients(Pair(), cross_entropy, ({"left": inputs, "right": inputs}, targets)).ok
