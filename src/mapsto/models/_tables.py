"""Features of a table to what a dense layer reads: vectors for levels and numbers. Imported by `Model.build` alone."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mapsto.data.encoders.base import Spec


class Periodic(nn.Module):
    """Numbers to vectors: `relu(W [sin(2π c x), cos(2π c x)] + b)` with `c`, `W` and `b` of each feature learned.

    Frequencies start at `c ~ N(0, frequency_scale²)`. Gorishniy, Rubachev and Babenko, "On embeddings for numerical
    features in tabular deep learning", 2022, arXiv:2203.05556 (there PLR).

    Shapes: `(rows, features)` to `(rows, features · dim)`.
    """

    def __init__(self, num_features: int, num_frequencies: int, frequency_scale: float, dim: int) -> None:
        super().__init__()
        self.frequencies = nn.Parameter(frequency_scale * torch.randn(num_features, num_frequencies))
        bound = 1.0 / math.sqrt(2 * num_frequencies)
        self.weight = nn.Parameter(torch.empty(num_features, 2 * num_frequencies, dim).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(num_features, dim).uniform_(-bound, bound))

    def forward(self, inputs: Tensor) -> Tensor:
        angles = 2 * math.pi * self.frequencies * inputs.unsqueeze(-1)
        waves = torch.cat([angles.sin(), angles.cos()], dim=-1)
        vectors = torch.einsum("rfk,fkd->rfd", waves, self.weight) + self.bias
        return vectors.relu().flatten(1)


class PeriodicWithNumber(nn.Module):
    """Numbers to vectors: `(x, W cos(2π c x + b) + d)` with `c`, `b`, `W` and `d` of each feature learned.

    Frequencies start at `c ~ N(0, frequency_scale²)`, phases anywhere. Holzmüller, Grinsztajn and Steinwart, "Better by
    default", 2024, arXiv:2407.04491 (there PBLD).

    Shapes: `(rows, features)` to `(rows, features · dim)`; `dim` is at least 2.
    """

    def __init__(self, num_features: int, num_frequencies: int, frequency_scale: float, dim: int) -> None:
        super().__init__()
        self.frequencies = nn.Parameter(frequency_scale * torch.randn(num_features, num_frequencies))
        self.phases = nn.Parameter(torch.empty(num_features, num_frequencies).uniform_(-math.pi, math.pi))
        bound = 1.0 / math.sqrt(num_frequencies)
        self.weight = nn.Parameter(torch.empty(num_features, num_frequencies, dim - 1).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(num_features, dim - 1).uniform_(-bound, bound))

    def forward(self, inputs: Tensor) -> Tensor:
        numbers = inputs.unsqueeze(-1)
        waves = torch.addcmul(self.phases, 2 * math.pi * self.frequencies, numbers).cos()
        vectors = torch.einsum("rfk,fkd->rfd", waves, self.weight) + self.bias
        return torch.cat([numbers, vectors], dim=-1).flatten(1)


class TableInputs(nn.Module):
    """Splits features into numbers, flags and level numbers, embeds those that shall be, and joins them again.

    Args:
        spec: of the features.
        embedding_dim: of levels' vectors; None by the number of levels.
        periodic: frequencies, their deviation and the length of a number's vector; None leaves numbers as they are.
        with_number: whether that vector holds the number itself (`PeriodicWithNumber`).

    Attributes:
        width: of the result.
    """

    numbers: Tensor
    flags: Tensor
    ids: Tensor

    def __init__(
        self,
        spec: Spec,
        embedding_dim: int | None,
        periodic: tuple[int, float, int] | None,
        *,
        with_number: bool = False,
    ) -> None:
        super().__init__()
        levels = spec.levels or (0,) * spec.shape[0]
        counts = [count for count in levels if count > 2]
        places = [[i for i, n in enumerate(levels) if n == 0], [i for i, n in enumerate(levels) if n in (1, 2)]]
        places.append([i for i, n in enumerate(levels) if n > 2])
        for name, found in zip(("numbers", "flags", "ids"), places, strict=True):
            self.register_buffer(name, torch.tensor(found, dtype=torch.long), persistent=False)
        # The number 0 is a level that training never saw: it has no vector.
        dims = [embedding_dim or default_dim(count) for count in counts]
        self.embeddings = nn.ModuleList(
            nn.Embedding(count, dim, padding_idx=0) for count, dim in zip(counts, dims, strict=True)
        )
        kind = PeriodicWithNumber if with_number else Periodic
        self.periodic = kind(len(places[0]), *periodic) if periodic and places[0] else None
        self.width = len(places[1]) + sum(dims)
        self.width += len(places[0]) * (periodic[2] if periodic else 1)

    def forward(self, inputs: Tensor) -> Tensor:
        numbers = inputs[:, self.numbers]
        parts = [numbers if self.periodic is None else self.periodic(numbers), inputs[:, self.flags]]
        ids = inputs[:, self.ids].long()
        parts += [embedding(ids[:, place]) for place, embedding in enumerate(self.embeddings)]
        return torch.cat(parts, dim=1)


def default_dim(count: int) -> int:
    """Length of a level's vector by the number of levels: fast.ai's rule of thumb, `1.6 · n^0.56`, at most 64."""
    return int(min(64, max(2, round(1.6 * count**0.56))))
