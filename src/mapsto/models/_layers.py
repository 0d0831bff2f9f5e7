"""The parts that the model families compose. Imported by `Model.build` alone, since it needs torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from mapsto.data.encoders.base import Spec
from mapsto.models._options import Activation, Normalization

_ACTIVATIONS: dict[Activation, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "softplus": nn.Softplus,
    "hard_swish": nn.Hardswish,
}


def activation(name: Activation) -> nn.Module:
    """The activation module of that name."""
    return _ACTIVATIONS[name]()


def dropout(rate: float) -> list[nn.Module]:
    """A dropout layer, or none at rate 0 (a layer that does nothing still costs a call a step)."""
    return [nn.Dropout(rate)] if rate > 0 else []


def spatial_dropout(rate: float) -> list[nn.Module]:
    """Dropout of whole maps, or none at rate 0. Tompson et al. 2014, arXiv:1411.4280."""
    return [nn.Dropout2d(rate)] if rate > 0 else []


class StochasticDepth(nn.Module):
    """Sets a row's whole input to zero with probability `rate` in training, and scales the rest by `1 / (1 - rate)`.

    It stands at the end of a residual branch, which it so leaves out. Huang et al., "Deep networks with stochastic
    depth", 2016, arXiv:1603.09382.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training:
            return inputs
        keep = 1.0 - self.rate
        kept = inputs.new_empty((len(inputs),) + (1,) * (inputs.ndim - 1)).bernoulli_(keep)
        return inputs * kept.div_(keep)

    def extra_repr(self) -> str:
        return f"rate={self.rate:g}"


NOISES = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, StochasticDepth)
"""Modules that draw random numbers in training."""


def stochastic_depth(rate: float) -> list[nn.Module]:
    """Stochastic depth, or none at rate 0."""
    return [StochasticDepth(rate)] if rate > 0 else []


def depth_rates(rate: float, num_blocks: int) -> list[float]:
    """The rate of each residual block: it grows linearly with depth, to `rate` in the last (Huang et al. 2016).

    Example:
        >>> depth_rates(0.2, 4)
        [0.05, 0.1, 0.15000000000000002, 0.2]
    """
    return [rate * (block + 1) / num_blocks for block in range(num_blocks)]


class OverChannels(nn.Module):
    """A normalization of the last axis, done over the channels at every pixel of maps (as in ConvNeXt)."""

    def __init__(self, norm: nn.LayerNorm | nn.RMSNorm) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, inputs: Tensor) -> Tensor:
        return self.norm(inputs.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)  # type: ignore[no-any-return]


NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm, nn.RMSNorm, nn.GroupNorm)
NORM_EPSILON = 1e-6


def normalization(kind: Normalization, width: int, *, maps: bool = False) -> list[nn.Module]:
    """The module that normalizes `width` units, or maps; none for `none` and `weight` (see `weighted`).

    Batch: Ioffe and Szegedy 2015, arXiv:1502.03167. Layer: Ba et al. 2016, arXiv:1607.06450; RMS: Zhang and Sennrich
    2019, arXiv:1910.07467; both over the channels of a pixel where there are maps. Group: Wu and He 2018,
    arXiv:1803.08494, with `num_groups(width)` groups.
    """
    match kind:
        case "batch":
            return [nn.BatchNorm2d(width) if maps else nn.BatchNorm1d(width)]
        case "group":
            return [nn.GroupNorm(num_groups(width), width)]
        case "layer":
            layer = nn.LayerNorm(width, eps=NORM_EPSILON)
            return [OverChannels(layer) if maps else layer]
        case "rms":
            rms = nn.RMSNorm(width, eps=NORM_EPSILON)
            return [OverChannels(rms) if maps else rms]
    return []


def num_groups(width: int) -> int:
    """Groups of a group normalization: at most 32, of at least 8 channels each, and all of one size.

    Example:
        >>> [num_groups(width) for width in (4, 16, 48, 256, 1000, 37)]
        [1, 2, 6, 32, 25, 1]
    """
    return max(groups for groups in range(1, 33) if width % groups == 0 and (groups == 1 or width // groups >= 8))


def weighted(layer: nn.Module, kind: Normalization) -> nn.Module:
    """The layer, with its weights split into length and direction of each unit where `kind` is `weight`.

    Salimans and Kingma 2016, arXiv:1602.07868. Call it before the weights are drawn.
    """
    return parametrizations.weight_norm(layer) if kind == "weight" else layer


def dense(ins: int, outs: int, name: Activation, kind: Normalization) -> list[nn.Module]:
    """Dense layer, normalization, activation."""
    return [weighted(nn.Linear(ins, outs), kind), *normalization(kind, outs), activation(name)]


class Scale(nn.Module):
    """Stored values to network inputs: `(x - shift) * scale`, one pair a channel, in float32.

    Images lie in memory as bytes, a quarter of the size of floats; the statistics travel with the weights.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        trailing = (1,) * (len(spec.shape) - 1)
        channels = len(spec.scale) or 1
        scale = torch.tensor(spec.scale or (1.0,), dtype=torch.float32).view(1, channels, *trailing)
        shift = torch.tensor(spec.shift or (0.0,), dtype=torch.float32).view(1, channels, *trailing)
        # x * scale - shift * scale is one pass (addcmul) where (x - shift) * scale takes two.
        self.register_buffer("scale", scale)
        self.register_buffer("shift", -shift * scale)

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.addcmul(self.shift, inputs.float(), self.scale)


class Residual(nn.Module):
    """`shortcut(x) + branch(x)`, then `after` where there is one; the shortcut is `x` itself where there is none.

    He et al., "Deep residual learning for image recognition", 2015, arXiv:1512.03385.
    """

    def __init__(
        self, branch: nn.Sequential, shortcut: nn.Module | None = None, after: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.branch, self.shortcut, self.after = branch, shortcut, after

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = self.branch(inputs) + (inputs if self.shortcut is None else self.shortcut(inputs))
        return outputs if self.after is None else self.after(outputs)  # type: ignore[no-any-return]


class PaddedShortcut(nn.Module):
    """Every `stride`-th pixel, with maps of zeros added up to `outs` (option A in He et al. 2015); has no weights."""

    def __init__(self, ins: int, outs: int, stride: int) -> None:
        super().__init__()
        self.missing, self.stride = outs - ins, stride

    def forward(self, inputs: Tensor) -> Tensor:
        taken = inputs[:, :, :: self.stride, :: self.stride]
        before = self.missing // 2
        return functional.pad(taken, (0, 0, 0, 0, before, self.missing - before))


class LayerScale(nn.Module):
    """Multiplies each channel of maps by a learned number. Touvron et al. 2021, arXiv:2103.17239."""

    def __init__(self, channels: int, start: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels,), start))

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs * self.scale.view(1, -1, 1, 1)


class SkipConcat(nn.Module):
    """Concatenates a block's input with its output along the channels, resized to match where a pooling rounded."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = self.inner(inputs)
        if outputs.shape[-2:] != inputs.shape[-2:]:
            outputs = functional.interpolate(outputs, size=inputs.shape[-2:], mode="nearest")
        return torch.cat([inputs, outputs], dim=1)


class ChannelsLast(nn.Module):
    """Lays images out with the channels innermost, which the convolution kernels of CPUs and tensor cores prefer.

    A trainer may set `memory_format` otherwise.
    """

    memory_format = torch.channels_last

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.contiguous(memory_format=self.memory_format)


def convolution(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    name: Activation,
    kind: Normalization,
    *,
    padding: str | int = "same",
    stride: int = 1,
) -> list[nn.Module]:
    """Convolution, normalization where asked for, activation; batch normalization would undo a bias."""
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, bias=kind != "batch")
    return [weighted(conv, kind), *normalization(kind, out_channels, maps=True), activation(name)]
