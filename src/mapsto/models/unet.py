"""U-Net: an encoder and a decoder with skips between equal sizes, for an answer at every pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from mapsto.errors import RecipeError
from mapsto.models._options import Activation, Initialization, Normalization
from mapsto.models.base import Model

if TYPE_CHECKING:
    from torch import nn

    from mapsto.data.encoders.base import Spec


class UNet(Model):
    """`depth` levels; at each, two 3×3 convolutions, then half the size and twice the channels, and back.

    Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image segmentation", 2015,
    arXiv:1505.04597. Smaller than the paper's, padded so that the answer has the image's size, with batch
    normalization.

    Example:
        >>> UNet(depth=2).channels
        16
    """

    inputs: ClassVar[tuple[str, ...]] = ("image",)

    channels: int = Field(16, ge=1, le=1024, description="channels at full size; each level below has twice")
    depth: int = Field(3, ge=1, le=6, description="levels below full size")
    activation: Activation = Field("relu", description="nonlinearity after each convolution")
    normalization: Normalization = Field("batch", description="what keeps the scale after each convolution")
    initialization: Initialization = Field(
        "auto", description="how weights are drawn; auto suits activation and depth, default is torch's own"
    )
    zero_last: bool = Field(False, description="the last layer starts at zero, so that all answers start alike")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of the lowest level's values set to zero")
    spatial_dropout: float = Field(
        0.0, ge=0, lt=1, description="share of whole maps set to zero at the end of each block"
    )

    def build(self, inputs: Spec, num_outputs: int) -> nn.Module:
        import torch  # here, since the class itself must load without torch
        from torch import nn

        from mapsto.models import _initialization, _layers

        in_channels, height, width = inputs.shape
        if min(height, width) < 2**self.depth:
            raise RecipeError(
                f"`model.depth` = {self.depth} halves an image of {height}×{width} pixels to nothing. "
                f"Take a smaller depth or larger images (`data.image_size`)."
            )

        def double(first: int, last: int) -> list[nn.Module]:
            return [
                *_layers.convolution(first, last, 3, self.activation, self.normalization),
                *_layers.convolution(last, last, 3, self.activation, self.normalization),
                *_layers.spatial_dropout(self.spatial_dropout),
            ]

        def level(first: int, channels: int, below: int) -> nn.Sequential:
            """Maps `first` channels to `channels` at one size, through `below` smaller sizes."""
            if below == 0:
                return nn.Sequential(*double(first, channels), *_layers.dropout(self.dropout))
            inner = nn.Sequential(
                nn.MaxPool2d(2),
                level(channels, channels * 2, below - 1),
                nn.ConvTranspose2d(channels * 2, channels, 2, stride=2),
            )
            return nn.Sequential(*double(first, channels), _layers.SkipConcat(inner), *double(channels * 2, channels))

        network = nn.Sequential(
            _layers.Scale(inputs),
            _layers.ChannelsLast(),
            level(in_channels, self.channels, self.depth),
            nn.Conv2d(self.channels, num_outputs, 1),
        ).to(memory_format=torch.channels_last)
        return _initialization.initialize(network, self.initialization, self.activation, zero_last=self.zero_last)
