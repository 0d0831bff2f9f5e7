"""Vision transformer: patches of an image look at each other, for images and spectrograms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from mapsto.errors import RecipeError
from mapsto.models._options import Activation
from mapsto.models.base import Model

if TYPE_CHECKING:
    from torch import nn

    from mapsto.data.encoders.base import Spec

PATCHES = 64
"""About so many patches an image has where `patch_size` is null."""


class ViT(Model):
    """Square patches become vectors, `num_layers` blocks of attention and dense layers mix them, one answer for all.

    Borders that fill no patch are filled up with zeros. Normalization stands before each branch; positions are learned,
    or rotary by row and column. Dosovitskiy et al., "An image is worth 16x16 words", 2020, arXiv:2010.11929; rotary
    positions in two dimensions: Heo et al. 2024, arXiv:2403.13298.

    Example:
        >>> ViT(patch_size=8).pooling
        'mean'
    """

    inputs: ClassVar[tuple[str, ...]] = ("image", "spectrogram")

    patch_size: int | None = Field(
        None, ge=1, le=256, description="side of a patch in pixels; null: about 64 patches an image"
    )
    embed_dim: int = Field(128, ge=4, le=8192, description="numbers that stand for a patch; a multiple of the heads")
    num_layers: int = Field(4, ge=1, le=96, description="blocks")
    num_heads: int = Field(4, ge=1, le=128, description="heads of attention, each with its share of the numbers")
    mlp_ratio: float = Field(2.0, ge=0.25, le=16, description="units of a block's dense layer, times embed_dim")
    activation: Activation = Field("gelu", description="nonlinearity in each block's dense layer")
    normalization: Literal["layer", "rms"] = Field("layer", description="before each branch")
    positions: Literal["learned", "rotary"] = Field("learned", description="how the place of a patch is known")
    pooling: Literal["mean", "first", "attention"] = Field(
        "mean", description="what stands for an image: the mean, a learned class token, or a mean with learned weights"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="share of patches' numbers and in the branches set to zero")
    attention_dropout: float = Field(0.0, ge=0, lt=1, description="share of the weights of attention set to zero")
    stochastic_depth: float = Field(
        0.0, ge=0, lt=1, description="share of rows for which the last block is left out; earlier ones less"
    )
    zero_last: bool = Field(False, description="the last layer starts at zero, so that all answers start alike")

    def side(self, height: int, width: int) -> int:
        """The side of a patch in pixels.

        Example:
            >>> ViT().side(32, 32), ViT(patch_size=7).side(28, 28)
            (4, 7)
        """
        return self.patch_size or max(1, round(math.sqrt(height * width / PATCHES)))

    def build(self, inputs: Spec, num_outputs: int) -> nn.Module:
        from torch import nn  # here, since the class itself must load without torch

        from mapsto.models import _attention, _layers, _patches

        channels, height, width = inputs.shape
        side = self.side(height, width)
        if side > max(height, width):
            raise RecipeError(
                f"`model.patch_size` = {side} is larger than an image of {height}×{width} pixels. Take a smaller one."
            )
        grid, start = (-(-height // side), -(-width // side)), self.pooling == "first"
        size = _attention.head_dim(self.embed_dim, self.num_heads, 4 if self.positions == "rotary" else 1)
        rotary = _patches.grid_rotary(grid, size, with_start=start) if self.positions == "rotary" else None
        blocks = [
            _attention.Block(
                self.embed_dim,
                _attention.Attention(self.embed_dim, self.num_heads, rotary, self.attention_dropout),
                max(1, round(self.embed_dim * self.mlp_ratio)),
                activation=self.activation,
                rms=self.normalization == "rms",
                dropout=self.dropout,
                stochastic_depth=rate,
            )
            for rate in _layers.depth_rates(self.stochastic_depth, self.num_layers)
        ]
        network = _patches.PatchNetwork(
            nn.Sequential(_layers.Scale(inputs), _patches.Patches(channels, side, self.embed_dim)),
            _attention.Encoder(blocks, self.embed_dim, rms=self.normalization == "rms"),
            self.pooling,
            nn.Linear(self.embed_dim, num_outputs),
            num_places=grid[0] * grid[1] if self.positions == "learned" else 0,
            dropout=self.dropout,
        )
        _attention.draw(network)
        if self.zero_last:
            nn.init.zeros_(network.head.weight)
        return network
