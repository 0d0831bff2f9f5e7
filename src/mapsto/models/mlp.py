"""Multilayer perceptron: dense layers of one width, for tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from mapsto.errors import RecipeError
from mapsto.models._options import Activation, Initialization, Normalization
from mapsto.models.base import Model

if TYPE_CHECKING:
    from torch import nn

    from mapsto.data.encoders.base import Spec


class MLP(Model):
    """`num_layers` times (dense, normalization, activation, dropout), then a dense layer to the outputs.

    With `residual`, a dense layer, `num_layers` times `x + dense(dropout(activation(dense(normalization(x)))))`,
    normalization, activation and the last dense layer, as in Gorishniy et al., "Revisiting deep learning models for
    tabular data", 2021, arXiv:2106.11959.

    Images are flattened. Features that hold the numbers of levels (`data.categories: embedding`) become vectors that
    are learned, and so do numbers where `numeric_embedding` says so. Rumelhart, Hinton and Williams, "Learning
    representations by back-propagating errors", Nature 323, 1986.

    Example:
        >>> MLP(hidden_dim=64).num_layers
        2
    """

    inputs: ClassVar[tuple[str, ...]] = ("features", "image", "spectrogram")

    hidden_dim: int = Field(128, ge=1, le=65536, description="units in each hidden layer")
    num_layers: int = Field(2, ge=0, le=64, description="hidden layers; 0 is a linear model")
    residual: bool = Field(
        False, description="hidden layers become blocks that add to their input: normalization, two dense layers"
    )
    activation: Activation = Field("relu", description="nonlinearity after each hidden layer")
    normalization: Normalization = Field("none", description="before each activation, or before each residual block")
    initialization: Initialization = Field(
        "auto", description="how weights are drawn; auto suits activation and depth, default is torch's own"
    )
    zero_last: bool = Field(False, description="the last layer starts at zero, so that all answers start alike")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of hidden units set to zero in each training step")
    stochastic_depth: float = Field(
        0.0, ge=0, lt=1, description="share of rows for which the last block is left out; earlier ones less; residual"
    )
    embedding_dim: int | None = Field(
        None, ge=1, le=1024, description="numbers in the vector of a category's level; null: by the number of levels"
    )
    numeric_embedding: Literal["none", "periodic"] = Field(
        "none", description="a vector of learned sines and cosines for each number of a table"
    )
    numeric_dim: int = Field(8, ge=1, le=256, description="numbers in that vector")
    num_frequencies: int = Field(16, ge=1, le=512, description="frequencies of each number")
    frequency_scale: float = Field(
        0.1, gt=0, le=1000, description="deviation of the frequencies at the start; higher sees finer differences"
    )

    def build(self, inputs: Spec, num_outputs: int) -> nn.Module:
        from torch import nn  # here, since the class itself must load without torch

        from mapsto.models import _initialization, _layers

        if self.stochastic_depth and not self.residual:
            raise RecipeError(
                f"`model.stochastic_depth: {self.stochastic_depth:g}` leaves out residual blocks, and there are none. "
                f"Set `model.residual: true`, or take `model.dropout`."
            )
        dense = inputs.encoder in ("image", "spectrogram")
        layers: list[nn.Module] = [_layers.Scale(inputs), nn.Flatten()] if dense else []
        width = math.prod(inputs.shape)
        if inputs.encoder == "features" and (self.numeric_embedding != "none" or max(inputs.levels, default=0) > 2):
            from mapsto.models._tables import TableInputs

            periodic = (self.num_frequencies, self.frequency_scale, self.numeric_dim)
            table = TableInputs(inputs, self.embedding_dim, periodic if self.numeric_embedding == "periodic" else None)
            layers, width = [table], table.width
        layers += self._residual(width) if self.residual else self._plain(width)
        network = nn.Sequential(*layers, nn.Linear(self.hidden_dim if self.num_layers else width, num_outputs))
        return _initialization.initialize(network, self.initialization, self.activation, zero_last=self.zero_last)

    def _plain(self, width: int) -> list[nn.Module]:
        from mapsto.models import _layers

        made: list[nn.Module] = []
        for _ in range(self.num_layers):
            made += _layers.dense(width, self.hidden_dim, self.activation, self.normalization)
            made += _layers.dropout(self.dropout)
            width = self.hidden_dim
        return made

    def _residual(self, width: int) -> list[nn.Module]:
        """A dense layer to `hidden_dim`, the blocks, a normalization and an activation."""
        from torch import nn

        from mapsto.models import _layers

        kind, made = self.normalization, list[nn.Module]()
        if self.num_layers:
            made.append(_layers.weighted(nn.Linear(width, self.hidden_dim), kind))
        for rate in _layers.depth_rates(self.stochastic_depth, self.num_layers):
            branch = nn.Sequential(
                *_layers.normalization(kind, self.hidden_dim),
                _layers.weighted(nn.Linear(self.hidden_dim, self.hidden_dim), kind),
                _layers.activation(self.activation),
                *_layers.dropout(self.dropout),
                _layers.weighted(nn.Linear(self.hidden_dim, self.hidden_dim), kind),
                *_layers.stochastic_depth(rate),
            )
            made.append(_layers.Residual(branch))
        end = [*_layers.normalization(kind, self.hidden_dim), _layers.activation(self.activation)]
        return [*made, *end] if made else []
