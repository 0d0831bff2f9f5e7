"""Layers of networks that hold several members, TabM's. Imported by `Model.build` alone, since it needs torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mapsto.models._marks import mark


class Members(nn.Sequential):
    """Layers from rows to `(members, rows, outputs)`; returns `(members · rows, outputs)`, member after member.

    Attributes:
        num_members: what training and prediction ask a network for (see `mapsto.training.members`).
    """

    def __init__(self, num_members: int, *layers: nn.Module) -> None:
        super().__init__(*layers)
        self.num_members = num_members

    def forward(self, inputs: Tensor) -> Tensor:
        for layer in self:
            inputs = layer(inputs)
        return inputs.flatten(0, 1)


class MemberScale(nn.Module):
    """The inputs of each member: `(rows, width)` to `(members, rows, width)`, each times its own vector.

    The vectors start as random signs, or as normal numbers.
    """

    def __init__(self, num_members: int, width: int, *, signs: bool) -> None:
        super().__init__()
        drawn = torch.randn(num_members, width)
        self.scale = _own(drawn.sign() if signs else drawn)

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs * self.scale.unsqueeze(1)


class SharedLinear(nn.Module):
    """A dense layer whose matrix all members share: `s ∘ (W (r ∘ x)) + b`, with `r`, `s` and `b` of each member's own.

    Scales start at 1, and all members' biases alike, so that members differ by what they are given alone.

    Args:
        num_members: how many share it.
        width, units: of the inputs and the outputs.
        scale_inputs: whether there is an `r`; not where the inputs are already scaled.
    """

    def __init__(self, num_members: int, width: int, units: int, *, scale_inputs: bool) -> None:
        super().__init__()
        self.shared = nn.Linear(width, units, bias=False)
        bound = 1 / math.sqrt(width)
        self.bias = _own(torch.empty(units).uniform_(-bound, bound).repeat(num_members, 1))
        self.scale_in = _own(torch.ones(num_members, width)) if scale_inputs else None
        self.scale_out = _own(torch.ones(num_members, units))

    def forward(self, inputs: Tensor) -> Tensor:
        if self.scale_in is not None:
            inputs = inputs * self.scale_in.unsqueeze(1)
        return torch.addcmul(self.bias.unsqueeze(1), self.shared(inputs), self.scale_out.unsqueeze(1))


class MemberLinear(nn.Module):
    """A dense layer of each member's own: `(members, rows, width)` to `(members, rows, units)`."""

    is_dense = True
    """Its weight holds a matrix of each member (`mapsto.training.parameters.hidden_matrices`)."""

    def __init__(self, num_members: int, width: int, units: int, *, zero: bool = False) -> None:
        super().__init__()
        bound = 0.0 if zero else 1 / math.sqrt(width)
        self.weight = nn.Parameter(torch.empty(num_members, width, units).uniform_(-bound, bound))
        self.bias = _own(torch.empty(num_members, units).uniform_(-bound, bound))

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.baddbmm(self.bias.unsqueeze(1), inputs, self.weight)


def _own(values: Tensor) -> nn.Parameter:
    """The members' vectors: a matrix by their shape, but biases and scales by what they do, so they do not decay."""
    return mark(nn.Parameter(values), no_decay=True)
