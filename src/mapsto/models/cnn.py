"""Convolutional network: blocks of convolutions and a pooling, then a dense head, for images and spectrograms."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from mapsto.errors import RecipeError
from mapsto.models._options import Activation, Initialization, Normalization
from mapsto.models.base import Model

if TYPE_CHECKING:
    from torch import nn

    from mapsto.data.encoders.base import Spec


class CNN(Model):
    """`num_blocks` times (convolutions, 2×2 max pooling), channels doubling from block to block, then the head.

    With its defaults: Conv 32 3×3 – pool – Conv 64 3×3 – pool – flatten – dense. LeCun, Bottou, Bengio and Haffner,
    "Gradient-based learning applied to document recognition", Proc. IEEE 86, 1998.

    Example:
        >>> CNN(num_blocks=3).channels
        32
    """

    inputs: ClassVar[tuple[str, ...]] = ("image", "spectrogram")

    channels: int = Field(32, ge=1, le=4096, description="channels of the first block; each further block has twice")
    num_blocks: int = Field(2, ge=1, le=8, description="blocks, each ending in a 2×2 pooling")
    convs_per_block: int = Field(1, ge=1, le=8, description="convolutions in a block")
    kernel_size: Literal[1, 3, 5, 7] = Field(3, description="side of each convolution's window in pixels")
    padding: Literal["same", "valid"] = Field("same", description="same keeps the size, valid trims the border")
    head: Literal["flatten", "average"] = Field("flatten", description="how maps become a vector")
    hidden_dim: int = Field(0, ge=0, le=65536, description="units of a dense layer before the last; 0 is none")
    activation: Activation = Field("relu", description="nonlinearity after each convolution and hidden layer")
    normalization: Normalization = Field("none", description="what keeps the scale after each convolution")
    initialization: Initialization = Field(
        "auto", description="how weights are drawn; auto suits activation and depth, default is torch's own"
    )
    zero_last: bool = Field(False, description="the last layer starts at zero, so that all answers start alike")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of the vector before the last layer set to zero")
    spatial_dropout: float = Field(
        0.0, ge=0, lt=1, description="share of whole maps set to zero at the end of each block"
    )

    def build(self, inputs: Spec, num_outputs: int) -> nn.Module:
        import torch  # here, since the class itself must load without torch
        from torch import nn

        from mapsto.models import _initialization, _layers

        in_channels, height, width = inputs.shape
        layers: list[nn.Module] = [_layers.Scale(inputs), _layers.ChannelsLast()]
        channels = self.channels
        for _ in range(self.num_blocks):
            for _ in range(self.convs_per_block):
                layers += _layers.convolution(
                    in_channels,
                    channels,
                    self.kernel_size,
                    self.activation,
                    self.normalization,
                    padding=self.padding,
                )
                trim = self.kernel_size - 1 if self.padding == "valid" else 0
                in_channels, height, width = channels, height - trim, width - trim
            layers += [nn.MaxPool2d(2), *_layers.spatial_dropout(self.spatial_dropout)]
            height, width, channels = height // 2, width // 2, channels * 2
            if min(height, width) < 1:
                raise RecipeError(
                    f"`model.num_blocks` = {self.num_blocks} poolings leave nothing of an image of "
                    f"{inputs.shape[1]}×{inputs.shape[2]} pixels. Take fewer blocks, larger images "
                    f"(`data.image_size`), or `model.padding: same`."
                )
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()] if self.head == "average" else [nn.Flatten()]
        vector = in_channels if self.head == "average" else in_channels * height * width
        if self.hidden_dim:
            layers += [nn.Linear(vector, self.hidden_dim), _layers.activation(self.activation)]
            vector = self.hidden_dim
        network = nn.Sequential(*layers, *_layers.dropout(self.dropout), nn.Linear(vector, num_outputs))
        network = network.to(memory_format=torch.channels_last)
        return _initialization.initialize(network, self.initialization, self.activation, zero_last=self.zero_last)
