"""ConvNeXt: wide depthwise convolutions and pointwise layers in residual blocks, for images and spectrograms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from mapsto.errors import RecipeError
from mapsto.models._options import Activation, Initialization, Normalization, checked_stages, stages
from mapsto.models.base import Model

if TYPE_CHECKING:
    from torch import nn

    from mapsto.data.encoders.base import Spec


class ConvNeXt(Model):
    """Patches, then stages of blocks; each further stage has half the size and twice the channels.

    A block adds to its input: depthwise convolution, normalization, pointwise to `expansion` times the channels,
    activation, pointwise back, times a learned scale a channel. Liu et al., "A ConvNet for the 2020s", 2022,
    arXiv:2201.03545. ConvNeXt-T is `blocks: 3-3-9-3`, `channels: 96`, `patch_size: 4`; the defaults are small, for
    small images.

    Example:
        >>> ConvNeXt(channels=96, blocks="3-3-9-3").kernel_size
        7
    """

    inputs: ClassVar[tuple[str, ...]] = ("image", "spectrogram")

    blocks: Annotated[str, AfterValidator(checked_stages)] = Field(
        "2-2-2", description="residual blocks in each stage, such as 3-3-9-3"
    )
    channels: int = Field(32, ge=1, le=4096, description="channels of the first stage; each further stage has twice")
    patch_size: Literal[1, 2, 4, 8] = Field(2, description="side of the patches that the first layer reads, in pixels")
    kernel_size: Literal[3, 5, 7, 9, 11] = Field(7, description="side of each depthwise convolution's window")
    expansion: int = Field(4, ge=1, le=16, description="channels inside a block, times those outside")
    layer_scale: float = Field(
        1e-6,
        ge=0,
        le=1,
        description="what each block's answer is multiplied with at the start; learned; 0: no such scale",
    )
    activation: Activation = Field("gelu", description="nonlinearity inside each block")
    normalization: Normalization = Field("layer", description="what keeps the scale inside each block")
    initialization: Initialization = Field(
        "auto", description="how weights are drawn; auto suits activation and depth, default is torch's own"
    )
    zero_last: bool = Field(False, description="the last layer starts at zero, so that all answers start alike")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of the vector before the last layer set to zero")
    spatial_dropout: float = Field(0.0, ge=0, lt=1, description="share of whole maps set to zero inside each block")
    stochastic_depth: float = Field(
        0.0, ge=0, lt=1, description="share of rows for which the last block is left out; earlier blocks less"
    )

    def build(self, inputs: Spec, num_outputs: int) -> nn.Module:
        import torch  # here, since the class itself must load without torch
        from torch import nn

        from mapsto.models import _initialization, _layers

        depths, (channels, height, width) = stages(self.blocks), inputs.shape
        if min(height, width) < self.patch_size * 2 ** (len(depths) - 1):
            raise RecipeError(
                f"`model.patch_size: {self.patch_size}` and the {len(depths)} stages of `model.blocks: {self.blocks}` "
                f"leave nothing of an image of {height}×{width} pixels. Take smaller patches, fewer stages or larger "
                f"images (`data.image_size`)."
            )
        kind, outs = self.normalization, self.channels
        patches = nn.Conv2d(channels, outs, self.patch_size, stride=self.patch_size)
        layers: list[nn.Module] = [_layers.Scale(inputs), _layers.ChannelsLast()]
        layers += [_layers.weighted(patches, kind), *_layers.normalization(kind, outs, maps=True)]
        rates = iter(_layers.depth_rates(self.stochastic_depth, sum(depths)))
        for stage, depth in enumerate(depths):
            if stage:
                halved = nn.Conv2d(outs, outs * 2, 2, stride=2)
                layers += [*_layers.normalization(kind, outs, maps=True), _layers.weighted(halved, kind)]
                outs *= 2
            layers += [self._block(outs, next(rates)) for _ in range(depth)]
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), *_layers.normalization(kind, outs)]
        network = nn.Sequential(*layers, *_layers.dropout(self.dropout), nn.Linear(outs, num_outputs))
        network = network.to(memory_format=torch.channels_last)
        return _initialization.initialize(network, self.initialization, self.activation, zero_last=self.zero_last)

    def _block(self, channels: int, rate: float) -> nn.Module:
        from torch import nn

        from mapsto.models import _layers

        kind, inside = self.normalization, channels * self.expansion
        depthwise = nn.Conv2d(channels, channels, self.kernel_size, padding=self.kernel_size // 2, groups=channels)
        return _layers.Residual(
            nn.Sequential(
                _layers.weighted(depthwise, kind),
                *_layers.normalization(kind, channels, maps=True),
                _layers.weighted(nn.Conv2d(channels, inside, 1), kind),
                _layers.activation(self.activation),
                *_layers.spatial_dropout(self.spatial_dropout),
                _layers.weighted(nn.Conv2d(inside, channels, 1), kind),
                *([_layers.LayerScale(channels, self.layer_scale)] if self.layer_scale else []),
                *_layers.stochastic_depth(rate),
            )
        )
