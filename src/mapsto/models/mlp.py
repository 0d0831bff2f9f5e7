"""Multilayer perceptron: dense layers of one width, for tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from mapsto.models.base import Model

if TYPE_CHECKING:
    from torch import nn

    from mapsto.data.encoders.base import Spec


class MLP(Model):
    """`num_layers` times (dense, normalization, activation, dropout), then a dense layer to the outputs.

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
    activation: Literal["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid"] = Field(
        "relu", description="nonlinearity after each hidden layer"
    )
    normalization: Literal["none", "batch", "layer"] = Field("none", description="before each activation")
    initialization: Literal["default", "he", "xavier", "lecun", "orthogonal"] = Field(
        "default", description="how weights are drawn; default is torch's own"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="share of hidden units set to zero in each training step")
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

        from mapsto.models import _layers

        norms: dict[str, list[type[nn.BatchNorm1d] | type[nn.LayerNorm]]] = {
            "none": [], "batch": [nn.BatchNorm1d], "layer": [nn.LayerNorm],
        }  # fmt: skip
        dense = inputs.encoder in ("image", "spectrogram")
        layers: list[nn.Module] = [_layers.Scale(inputs), nn.Flatten()] if dense else []
        width = math.prod(inputs.shape)
        if inputs.encoder == "features" and (self.numeric_embedding != "none" or max(inputs.levels, default=0) > 2):
            from mapsto.models._tables import TableInputs

            periodic = (self.num_frequencies, self.frequency_scale, self.numeric_dim)
            table = TableInputs(inputs, self.embedding_dim, periodic if self.numeric_embedding == "periodic" else None)
            layers, width = [table], table.width
        for _ in range(self.num_layers):
            layers += [
                nn.Linear(width, self.hidden_dim),
                *(norm(self.hidden_dim) for norm in norms[self.normalization]),
            ]
            layers += [_layers.activation(self.activation), *_layers.dropout(self.dropout)]
            width = self.hidden_dim
        network = nn.Sequential(*layers, nn.Linear(width, num_outputs))
        return _layers.initialize(network, self.initialization, self.activation)
