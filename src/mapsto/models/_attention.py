"""Blocks of attention, for tokens and for patches of images. Imported by `Model.build` alone, since it needs torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mapsto.errors import RecipeError
from mapsto.models import _layers
from mapsto.models._options import Activation
from mapsto.models._sequences import are_real

ROTARY_BASE = 10_000.0
"""The slowest pair turns once in about 2π times as many steps."""


def head_dim(embed_dim: int, num_heads: int, multiple: int) -> int:
    """Numbers in each head.

    Raises:
        RecipeError: heads cannot be of one size, or not of one that rotary positions can turn.
    """
    dim, rest = divmod(embed_dim, num_heads)
    if rest or dim % multiple:
        raise RecipeError(
            f"`model.embed_dim` = {embed_dim} does not part into {num_heads} heads (`model.num_heads`) of a multiple "
            f"of {multiple} numbers each. Take {num_heads * multiple * max(1, round(dim / multiple))}, or other heads."
        )
    return dim


def angles(places: Tensor, dim: int) -> Tensor:
    """By how much each of `dim / 2` pairs is turned at each place: `(steps,)` to `(steps, dim / 2)`."""
    speeds = ROTARY_BASE ** -(torch.arange(0, dim, 2, dtype=torch.float32) / dim)
    return places.float().unsqueeze(1) * speeds


class Rotary(nn.Module):
    """Turns pairs of a query's or a key's numbers by an angle that grows with its place.

    Their product then depends on how far two steps are apart, not on where they stand. Su et al., "RoFormer", 2021,
    arXiv:2104.09864.

    Args:
        turns: of each place, `(places, head_dim / 2)`.
    """

    cosines: Tensor
    sines: Tensor

    def __init__(self, turns: Tensor) -> None:
        super().__init__()
        self.register_buffer("cosines", turns.cos(), persistent=False)
        self.register_buffer("sines", turns.sin(), persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        """Values of shape `(rows, heads, steps, head_dim)`, turned."""
        steps = values.shape[-2]
        cosines, sines = self.cosines[:steps].to(values.dtype), self.sines[:steps].to(values.dtype)
        first, second = values.chunk(2, dim=-1)
        return torch.cat([first * cosines - second * sines, second * cosines + first * sines], dim=-1)


class Attention(nn.Module):
    """Every step looks at all real steps of its row, in several heads; torch's own kernels.

    Vaswani et al., "Attention is all you need", 2017, arXiv:1706.03762.
    """

    def __init__(self, width: int, num_heads: int, rotary: Rotary | None, dropout: float) -> None:
        super().__init__()
        self.num_heads, self.rotary, self.dropout = num_heads, rotary, dropout
        self.joint = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, values: Tensor, mask: Tensor | None) -> Tensor:
        joint = self.joint(values).unflatten(2, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        queries, keys, contents = joint[0], joint[1], joint[2]
        if self.rotary is not None:
            queries, keys = self.rotary(queries), self.rotary(keys)
        mixed = nn.functional.scaled_dot_product_attention(
            queries, keys, contents, attn_mask=mask, dropout_p=self.dropout if self.training else 0.0
        )
        return self.out(mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class Block(nn.Module):
    """`x + attention(norm(x))`, then `x + dense(activation(dense(norm(x))))`: normalization first, as in Xiong et al.

    "On layer normalization in the transformer architecture", 2020, arXiv:2002.04745.
    """

    def __init__(
        self,
        width: int,
        attention: Attention,
        hidden: int,
        *,
        activation: Activation,
        rms: bool,
        dropout: float,
        stochastic_depth: float,
    ) -> None:
        super().__init__()
        kind = nn.RMSNorm if rms else nn.LayerNorm
        self.norm, self.attention = kind(width, eps=_layers.NORM_EPSILON), attention
        noise = [*_layers.dropout(dropout), *_layers.stochastic_depth(stochastic_depth)]
        self.after = nn.Sequential(*noise)
        self.dense = nn.Sequential(
            kind(width, eps=_layers.NORM_EPSILON),
            nn.Linear(width, hidden),
            _layers.activation(activation),
            *_layers.dropout(dropout),
            nn.Linear(hidden, width),
            *noise,
        )

    def forward(self, values: Tensor, mask: Tensor | None) -> Tensor:
        values = values + self.after(self.attention(self.norm(values), mask))
        return values + self.dense(values)  # type: ignore[no-any-return]


class Encoder(nn.Module):
    """Blocks of attention one after the other, then a normalization; padding is never looked at."""

    is_sequence = True
    """Each block is a layer of its own (`mapsto.training.parameters.units`)."""

    def __init__(self, blocks: list[Block], width: int, *, rms: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        kind = nn.RMSNorm if rms else nn.LayerNorm
        self.norm = kind(width, eps=_layers.NORM_EPSILON)

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        real = are_real(lengths, values.shape[1])
        mask = None if bool(real.all()) else real[:, None, None, :]  # without a mask the kernels are faster
        for block in self.blocks:
            values = block(values, mask)
        return self.norm(values)  # type: ignore[no-any-return]


def draw(network: nn.Module) -> None:
    """Weights of dense layers by Xavier, biases zero; what ends a residual branch is divided by `√(2 · blocks)`.

    The latter keeps the sum of all branches as large as the stream they are added to (Radford et al. 2019).
    """
    blocks = [module for module in network.modules() if isinstance(module, Block)]
    ends = {layer for block in blocks for layer in (block.attention.out, _last_linear(block.dense))}
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            if layer in ends:
                with torch.no_grad():
                    layer.weight.div_((2 * len(blocks)) ** 0.5)


def _last_linear(layers: nn.Sequential) -> nn.Module:
    return next(layer for layer in reversed(layers) if isinstance(layer, nn.Linear))
