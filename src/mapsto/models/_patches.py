"""Images to patches and their places. Imported by `Model.build` alone, since it needs torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mapsto.models._attention import Rotary, angles
from mapsto.models._marks import mark
from mapsto.models._sequences import Pool, Pooling


class Patches(nn.Module):
    """`(rows, channels, height, width)` to `(rows, patches, width of a patch's vector)`, row by row of the grid."""

    def __init__(self, channels: int, side: int, width: int) -> None:
        super().__init__()
        self.side = side
        self.dense = nn.Linear(channels * side * side, width)

    def forward(self, images: Tensor) -> Tensor:
        side, (height, width) = self.side, images.shape[-2:]
        if height % side or width % side:
            images = nn.functional.pad(images, (0, -width % side, 0, -height % side))
        patches = images.unflatten(3, (-1, side)).unflatten(2, (-1, side))
        return self.dense(patches.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2))  # type: ignore[no-any-return]


def grid_rotary(grid: tuple[int, int], dim: int, *, with_start: bool) -> Rotary:
    """Rotary positions by row and column: half of the pairs turn with each; what stands before them does not turn."""
    rows, columns = torch.meshgrid(torch.arange(grid[0]), torch.arange(grid[1]), indexing="ij")
    turns = torch.cat([angles(rows.flatten(), dim // 2), angles(columns.flatten(), dim // 2)], dim=1)
    return Rotary(torch.cat([torch.zeros(1, dim // 2), turns]) if with_start else turns)


class PatchNetwork(nn.Module):
    """Images to outputs: patches, their places, a body, one vector a row, the last layer.

    Args:
        patches: from images to vectors.
        body: from `(values, lengths)` to values.
        pooling: with `first`, a learned vector is put before the patches.
        head: from one vector a row to the outputs.
        num_places: patches whose place has a learned vector; 0 where places are known otherwise.
        dropout: share of the patches' numbers set to zero in training.
    """

    def __init__(
        self, patches: nn.Module, body: nn.Module, pooling: Pooling, head: nn.Linear, *, num_places: int, dropout: float
    ) -> None:
        super().__init__()
        width = head.in_features
        self.patches, self.body, self.pool, self.head = patches, body, Pool(pooling, width), head
        spread = 1 / math.sqrt(width)
        self.places, self.start = None, None
        if num_places:
            self.places = mark(nn.Parameter(spread * torch.randn(num_places, width)), no_decay=True)
        if pooling == "first":
            self.start = nn.Parameter(spread * torch.randn(width))
        self.dropout = dropout

    def forward(self, images: Tensor) -> Tensor:
        values = self.patches(images)
        if self.places is not None:
            values = values + self.places
        values = nn.functional.dropout(values, self.dropout, self.training)
        if self.start is not None:
            values = torch.cat([self.start.expand(len(values), 1, -1), values], dim=1)
        lengths = torch.full((len(values),), values.shape[1], device=values.device)
        return self.head(self.pool(self.body(values, lengths), lengths))  # type: ignore[no-any-return]
