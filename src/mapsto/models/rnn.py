"""Recurrent network over words: embedding, LSTM or GRU, dense."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from mapsto.models.base import Model

if TYPE_CHECKING:
    from torch import nn

    from mapsto.data.encoders.base import Spec


class RNN(Model):
    """Embedding, `num_layers` recurrent layers, one vector for all steps, dropout, dense.

    With its defaults and a vocabulary of 10,000: Embedding(10000, 64) – LSTM 64 – dense. Padding is never read: a
    row's answer is the same alone and beside longer ones. Hochreiter and Schmidhuber, "Long short-term memory", Neural
    Computation 9(8), 1997; Cho et al. 2014, arXiv:1406.1078 (GRU).

    Example:
        >>> RNN(cell="gru").hidden_dim
        64
    """

    inputs: ClassVar[tuple[str, ...]] = ("tokens",)

    cell: Literal["lstm", "gru"] = Field("lstm", description="kind of recurrent cell")
    embed_dim: int = Field(64, ge=1, le=4096, description="numbers that stand for a word")
    hidden_dim: int = Field(64, ge=1, le=8192, description="units of each recurrent layer and direction")
    num_layers: int = Field(1, ge=1, le=8, description="recurrent layers")
    bidirectional: bool = Field(False, description="read from both ends")
    pooling: Literal["last", "mean", "attention"] = Field(
        "last", description="what stands for a row: the last state, the mean of all, or a mean with learned weights"
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="share of embeddings, between layers and of what stands for a row, set to zero"
    )
    zero_last: bool = Field(False, description="the last layer starts at zero, so that all answers start alike")

    def build(self, inputs: Spec, num_outputs: int) -> nn.Module:
        from torch import nn  # here, since the class itself must load without torch

        from mapsto.models import _initialization, _layers, _sequences

        kinds: dict[str, type[nn.LSTM] | type[nn.GRU]] = {"lstm": nn.LSTM, "gru": nn.GRU}
        width = self.hidden_dim * (2 if self.bidirectional else 1)
        embedding = nn.Embedding(len(inputs.names), self.embed_dim, padding_idx=0)
        recurrent = _sequences.Recurrent(
            kinds[self.cell],
            self.embed_dim,
            self.hidden_dim,
            num_layers=self.num_layers,
            bidirectional=self.bidirectional,
            dropout=self.dropout,
        )
        ends = self.bidirectional and self.pooling == "last"
        pool = _sequences.BothEnds(self.hidden_dim) if ends else _sequences.Pool(self.pooling, width)
        head = nn.Sequential(*_layers.dropout(self.dropout), nn.Linear(width, num_outputs))
        network = _sequences.TokenNetwork(embedding, recurrent, pool, head, dropout=self.dropout)
        return _initialization.initialize(network, "default", "tanh", zero_last=self.zero_last)
