"""Rows of tokens of unlike length: how padding is kept out, and how steps become one vector.

Imported by `Model.build` alone, since it needs torch. Shapes: `values` is `(rows, steps, width)`, real steps first;
`lengths` says how many of each row are real, at least one.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Pooling = Literal["last", "first", "mean", "attention"]


def aligned(ids: Tensor) -> tuple[Tensor, Tensor]:
    """Token ids padded on the left with 0 to ids whose real ones come first, as long as the longest, and lengths.

    A row of padding alone keeps one step of it.

    Example:
        >>> aligned(torch.tensor([[0, 0, 0, 7], [0, 0, 5, 6]]))
        (tensor([[7, 0],
                [5, 6]]), tensor([1, 2]))
    """
    real = ids != 0
    # A 0 between tokens is none of the padding: what counts is where the first token stands.
    first = torch.where(real.any(1), real.long().argmax(1), ids.shape[1] - 1)
    lengths = ids.shape[1] - first
    steps = torch.arange(int(lengths.max()), device=ids.device)
    places = first.unsqueeze(1) + steps
    return ids.gather(1, places.clamp(max=ids.shape[1] - 1)).masked_fill(places >= ids.shape[1], 0), lengths


def are_real(lengths: Tensor, steps: int) -> Tensor:
    """`(rows, steps)`: which steps of each row are real."""
    return torch.arange(steps, device=lengths.device) < lengths.unsqueeze(1)


def reversed_rows(values: Tensor, lengths: Tensor) -> Tensor:
    """The real steps of each row in reverse; padding stays behind them."""
    steps = torch.arange(values.shape[1], device=values.device)
    ends = lengths.unsqueeze(1)
    places = torch.where(steps < ends, ends - 1 - steps, steps)
    return values.gather(1, places.unsqueeze(2).expand_as(values))


class Pool(nn.Module):
    """The steps of a row to one vector.

    `mean` takes all real steps alike, `attention` weighs them by a softmax over a learned score (Yang et al. 2016,
    "Hierarchical attention networks"), `first` and `last` take the first and the last real step.
    """

    def __init__(self, kind: Pooling, width: int) -> None:
        super().__init__()
        self.kind = kind
        self.score = nn.Linear(width, 1, bias=False) if kind == "attention" else None

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        if self.kind == "first":
            return values[:, 0]
        if self.kind == "last":
            return values[torch.arange(len(values), device=values.device), lengths - 1]
        real = are_real(lengths, values.shape[1]).unsqueeze(2)
        if self.score is None:
            return (values * real).sum(1) / lengths.unsqueeze(1)
        shares = self.score(values).masked_fill(~real, float("-inf")).softmax(1)
        pooled: Tensor = (values * shares).sum(1)
        return pooled


class Recurrent(nn.Module):
    """Recurrent layers over real steps alone, one or both ways.

    Real steps come first, so padding is only ever read after them, and from behind a row is read reversed. The answers
    are those of torch's packed sequences, in half of their time or less on a CPU, though padding is computed as far as
    the longest row of a batch.
    """

    def __init__(
        self,
        kind: type[nn.LSTM] | type[nn.GRU],
        width: int,
        units: int,
        *,
        num_layers: int,
        bidirectional: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        ways = 2 if bidirectional else 1
        widths = [width, *[units * ways] * (num_layers - 1)]
        self.forward_layers = nn.ModuleList(kind(w, units, batch_first=True) for w in widths)
        self.backward_layers = nn.ModuleList(kind(w, units, batch_first=True) for w in widths if bidirectional)
        self.dropout = dropout

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        for number, layer in enumerate(self.forward_layers):
            if number:
                values = nn.functional.dropout(values, self.dropout, self.training)
            outputs, _ = layer(values)
            if self.backward_layers:
                back, _ = self.backward_layers[number](reversed_rows(values, lengths))
                outputs = torch.cat([outputs, reversed_rows(back, lengths)], dim=2)
            values = outputs
        return values


class BothEnds(nn.Module):
    """The last real step of what reads forward, and the first one of what reads backward: each way's final state."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units
        self.last = Pool("last", 2 * units)

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        return torch.cat([self.last(values, lengths)[:, : self.units], values[:, 0, self.units :]], dim=1)


class TokenNetwork(nn.Module):
    """Token ids to outputs: embedding, a body over the steps, one vector a row, the last layer.

    Args:
        embedding: of token ids.
        body: from `(values, lengths)` to values.
        pool: from `(values, lengths)` to a vector a row.
        head: from that vector to the outputs.
        start: a learned vector that is put before each row, or None.
        dropout: share of the embedded values set to zero in training.
    """

    def __init__(
        self,
        embedding: nn.Embedding,
        body: nn.Module,
        pool: nn.Module,
        head: nn.Module,
        *,
        start: nn.Parameter | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding, self.body, self.pool, self.head = embedding, body, pool, head
        self.start = start
        self.dropout = dropout

    def forward(self, ids: Tensor) -> Tensor:
        ids, lengths = aligned(ids)
        values = nn.functional.dropout(self.embedding(ids), self.dropout, self.training)
        if self.start is not None:
            values = torch.cat([self.start.expand(len(values), 1, -1), values], dim=1)
            lengths = lengths + 1
        return self.head(self.pool(self.body(values, lengths), lengths))  # type: ignore[no-any-return]
