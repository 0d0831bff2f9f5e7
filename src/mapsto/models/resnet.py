"""Residual network: stages of blocks that add to their input, for images and spectrograms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from mapsto.models._options import Activation, Initialization, Normalization, checked_stages, stages
from mapsto.models.base import Model

if TYPE_CHECKING:
    from torch import nn

    from mapsto.data.encoders.base import Spec

SMALL_SIDE = 64
"""Images up to this many pixels high or wide keep their size in the stem where `stem` is `auto`."""


class ResNet(Model):
    """A stem, stages of residual blocks, average pooling, dense. Each further stage has half the size, twice the maps.

    He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2015, arXiv:1512.03385. With its defaults
    the paper's ResNet-20 for CIFAR. ResNet-18 is `blocks: 2-2-2-2`, `channels: 64`, ResNet-34 `3-4-6-3`, ResNet-50
    `3-4-6-3` with `block: bottleneck`; wide networks (Zagoruyko and Komodakis 2016, arXiv:1605.07146) have more
    `channels` and `spatial_dropout` in the blocks.

    Example:
        >>> ResNet(blocks="2-2-2-2", channels=64).stem
        'auto'
    """

    inputs: ClassVar[tuple[str, ...]] = ("image", "spectrogram")

    blocks: Annotated[str, AfterValidator(checked_stages)] = Field(
        "3-3-3", description="residual blocks in each stage, such as 3-3-3 or 2-2-2-2"
    )
    block: Literal["basic", "bottleneck"] = Field(
        "basic", description="two 3×3 convolutions, or 1×1, 3×3 and 1×1 to four times the channels"
    )
    channels: int = Field(16, ge=1, le=4096, description="channels of the first stage; each further stage has twice")
    stem: Literal["auto", "small", "large"] = Field(
        "auto", description="a 3×3 convolution, or a 7×7 one and a pooling to a quarter; auto: small up to 64 pixels"
    )
    shortcut: Literal["projection", "padding"] = Field(
        "projection", description="where sizes change, the input goes around a block by a 1×1 convolution or padded"
    )
    activation: Activation = Field("relu", description="nonlinearity in and after each block")
    normalization: Normalization = Field("batch", description="what keeps the scale after each convolution")
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

        layers: list[nn.Module] = [_layers.Scale(inputs), _layers.ChannelsLast(), *self._stem(inputs)]
        depths = stages(self.blocks)
        rates = iter(_layers.depth_rates(self.stochastic_depth, sum(depths)))
        ins = self.channels
        for stage, depth in enumerate(depths):
            width = self.channels * 2**stage
            for place in range(depth):
                stride = 2 if stage and place == 0 else 1
                layers.append(self._block(ins, width, stride, next(rates)))
                ins = width * self._expansion
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), *_layers.dropout(self.dropout), nn.Linear(ins, num_outputs)]
        network = nn.Sequential(*layers).to(memory_format=torch.channels_last)
        return _initialization.initialize(network, self.initialization, self.activation, zero_last=self.zero_last)

    @property
    def _expansion(self) -> int:
        return 4 if self.block == "bottleneck" else 1

    def _stem(self, inputs: Spec) -> list[nn.Module]:
        from torch import nn

        channels, height, width = inputs.shape
        is_small = max(height, width) <= SMALL_SIDE if self.stem == "auto" else self.stem == "small"
        if is_small:
            return self._convolution(channels, self.channels, 3, 1, last=False)
        return [*self._convolution(channels, self.channels, 7, 2, last=False), nn.MaxPool2d(3, 2, padding=1)]

    def _block(self, ins: int, width: int, stride: int, rate: float) -> nn.Module:
        from torch import nn

        from mapsto.models import _layers

        outs = width * self._expansion
        drop = _layers.spatial_dropout(self.spatial_dropout)
        if self.block == "basic":
            branch = [*self._convolution(ins, width, 3, stride, last=False), *drop]
            branch += self._convolution(width, outs, 3, 1, last=True)
        else:
            branch = self._convolution(ins, width, 1, 1, last=False)
            branch += [*self._convolution(width, width, 3, stride, last=False), *drop]
            branch += self._convolution(width, outs, 1, 1, last=True)
        shortcut: nn.Module | None = None
        if (ins, stride) != (outs, 1):
            projection = self.shortcut == "projection"
            around = self._convolution(ins, outs, 1, stride, last=True) if projection else []
            shortcut = nn.Sequential(*around) if projection else _layers.PaddedShortcut(ins, outs, stride)
        body = nn.Sequential(*branch, *_layers.stochastic_depth(rate))
        return _layers.Residual(body, shortcut, _layers.activation(self.activation))

    def _convolution(self, ins: int, outs: int, kernel_size: int, stride: int, *, last: bool) -> list[nn.Module]:
        """Convolution and normalization, then an activation unless it is the last of its branch."""
        from mapsto.models import _layers

        made = _layers.convolution(
            ins, outs, kernel_size, self.activation, self.normalization, padding=kernel_size // 2, stride=stride
        )
        return made[:-1] if last else made
