"""The layers of RealMLP (Holzmüller et al. 2024, arXiv:2407.04491). Imported by `Model.build` alone: needs torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mapsto.models._marks import mark

SIMPLEX_POINTS = 5
"""Values of a unit, of which a random mean (with minus) becomes its first bias."""


class InputScale(nn.Module):
    """Each input times a learned number, 1 at the start."""

    def __init__(self, width: int, lr_scale: float) -> None:
        super().__init__()
        self.weight = mark(nn.Parameter(torch.ones(width)), lr_scale=lr_scale)

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs * self.weight


class TangentLinear(nn.Module):
    """A dense layer in the neural tangent parametrization: `W x / √n + b`, `W` and `b` normal with variance 1.

    Jacot, Gabriel and Hongler, "Neural tangent kernel", 2018, arXiv:1806.07572.
    """

    is_dense = True
    """Its weight is a matrix, as that of torch's dense layers (`mapsto.training.parameters.hidden_matrices`)."""

    def __init__(self, width: int, units: int, bias_lr_scale: float, *, zero: bool = False) -> None:
        super().__init__()
        self.factor = 1 / math.sqrt(width)
        start = torch.zeros if zero else torch.randn
        self.weight = nn.Parameter(start(width, units))
        self.bias = mark(nn.Parameter(start(units)), lr_scale=bias_lr_scale, no_decay=True)

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.addmm(self.bias, inputs, self.weight, alpha=self.factor)

    def fit_to(self, inputs: Tensor) -> None:
        """Scales each unit to a deviation of 1 over the rows, and draws its bias from minus its values there.

        Steinwart, "A sober look at neural network initializations", 2019, arXiv:1903.11482, has such biases: a random
        point of the simplex of a few values. A unit that is the same in all rows keeps its weights.
        """
        values = self.factor * inputs @ self.weight
        spread = values.std(dim=0, correction=0)
        scale = torch.where(spread > 1e-6, spread, torch.ones_like(spread))
        self.weight.div_(scale)
        values /= scale
        rows = torch.randint(len(values), (SIMPLEX_POINTS, values.shape[1]), device=values.device)
        shares = torch.empty_like(values[:1].expand(SIMPLEX_POINTS, -1)).exponential_()
        self.bias.copy_(-(values.gather(0, rows) * shares / shares.sum(dim=0)).sum(dim=0))


class LearnedActivation(nn.Module):
    """`(1 − a) x + a σ(x)` with an `a` of each unit, 1 at the start."""

    def __init__(self, activation: nn.Module, units: int, lr_scale: float) -> None:
        super().__init__()
        self.activation = activation
        self.weight = mark(nn.Parameter(torch.ones(units)), lr_scale=lr_scale, no_decay=True)

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.lerp(inputs, self.activation(inputs), self.weight)


class ScheduledDropout(nn.Module):
    """Dropout at `rate`, or from the middle of the training on at a rate that falls to 0 by half a cosine."""

    def __init__(self, rate: float, *, flat: bool) -> None:
        super().__init__()
        self.rate, self.flat, self.present = rate, flat, rate

    def set_progress(self, progress: float) -> None:
        """Takes the share of the training that is done, in [0, 1]; called at the start of each epoch."""
        late = max(0.0, 2 * progress - 1)
        self.present = self.rate if self.flat else self.rate * (1 + math.cos(math.pi * late)) / 2

    def forward(self, inputs: Tensor) -> Tensor:
        return nn.functional.dropout(inputs, self.present, self.training)


@torch.no_grad()
def fit_to(network: nn.Module, inputs: Tensor, *, but_last: bool) -> None:
    """Fits every dense layer to what reaches it of a batch, from the first to the last, without dropout."""
    layers = list(network.children())
    was_training = network.training
    network.eval()
    for layer in layers:
        if isinstance(layer, TangentLinear) and not (but_last and layer is layers[-1]):
            layer.fit_to(inputs)
        inputs = layer(inputs)
    network.train(was_training)
