"""Transformer encoder over words: every word looks at every other."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from mapsto.models._options import Activation
from mapsto.models.base import Model

if TYPE_CHECKING:
    from torch import nn

    from mapsto.data.encoders.base import Spec


class Transformer(Model):
    """Embedding, `num_layers` blocks of attention and two dense layers, one vector for all words, dense.

    Normalization stands before each branch, positions are rotary. Padding is masked and cut off where a whole batch
    has it: a row's answer is the same alone and beside longer ones. Vaswani et al., "Attention is all you need", 2017,
    arXiv:1706.03762; Xiong et al. 2020, arXiv:2002.04745; Su et al. 2021, arXiv:2104.09864.

    Example:
        >>> Transformer(num_heads=8).pooling
        'mean'
    """

    inputs: ClassVar[tuple[str, ...]] = ("tokens",)

    embed_dim: int = Field(64, ge=4, le=8192, description="numbers that stand for a word; a multiple of the heads")
    num_layers: int = Field(2, ge=1, le=96, description="blocks")
    num_heads: int = Field(4, ge=1, le=128, description="heads of attention, each with its share of the numbers")
    mlp_ratio: float = Field(4.0, ge=0.25, le=16, description="units of a block's dense layer, times embed_dim")
    activation: Activation = Field("gelu", description="nonlinearity in each block's dense layer")
    normalization: Literal["layer", "rms"] = Field("layer", description="before each branch")
    positions: Literal["rotary", "none"] = Field("rotary", description="how the order of words is known, if it is")
    pooling: Literal["mean", "first", "attention"] = Field(
        "mean", description="what stands for a row: the mean, a learned first token, or a mean with learned weights"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="share of embeddings and in the branches set to zero")
    attention_dropout: float = Field(0.0, ge=0, lt=1, description="share of the weights of attention set to zero")
    stochastic_depth: float = Field(
        0.0, ge=0, lt=1, description="share of rows for which the last block is left out; earlier ones less"
    )
    zero_last: bool = Field(False, description="the last layer starts at zero, so that all answers start alike")

    def build(self, inputs: Spec, num_outputs: int) -> nn.Module:
        import torch  # here, since the class itself must load without torch
        from torch import nn

        from mapsto.models import _attention, _layers, _sequences

        width = self.embed_dim
        rotary, with_start = None, self.pooling == "first"
        size = _attention.head_dim(width, self.num_heads, 2 if self.positions == "rotary" else 1)
        if self.positions == "rotary":
            rotary = _attention.Rotary(_attention.angles(torch.arange(inputs.shape[0] + with_start), size))
        blocks = [
            _attention.Block(
                width,
                _attention.Attention(width, self.num_heads, rotary, self.attention_dropout),
                max(1, round(width * self.mlp_ratio)),
                activation=self.activation,
                rms=self.normalization == "rms",
                dropout=self.dropout,
                stochastic_depth=rate,
            )
            for rate in _layers.depth_rates(self.stochastic_depth, self.num_layers)
        ]
        embedding = nn.Embedding(len(inputs.names), width, padding_idx=0)
        network = _sequences.TokenNetwork(
            embedding,
            _attention.Encoder(blocks, width, rms=self.normalization == "rms"),
            _sequences.Pool(self.pooling, width),
            nn.Linear(width, num_outputs),
            start=nn.Parameter(0.02 * torch.randn(width)) if with_start else None,
            dropout=self.dropout,
        )
        _attention.draw(network)
        if self.zero_last:
            nn.init.zeros_(network.head.weight)  # type: ignore[arg-type]
        return network
