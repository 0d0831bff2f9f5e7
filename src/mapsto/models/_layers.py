"""The parts that the model families compose. Imported by `Model.build` alone, since it needs torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from mapsto.data.encoders.base import Spec

Activation = Literal["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid"]
Initialization = Literal["default", "he", "xavier", "lecun", "orthogonal"]
Normalization = Literal["none", "batch", "layer"]

_ACTIVATIONS: dict[Activation, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


def activation(name: Activation) -> nn.Module:
    """The activation module of that name."""
    return _ACTIVATIONS[name]()


def dropout(rate: float) -> list[nn.Module]:
    """A dropout layer, or none at rate 0 (a layer that does nothing still costs a call a step)."""
    return [nn.Dropout(rate)] if rate > 0 else []


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


class LastStep(nn.Module):
    """A recurrent layer's output at the last step; both directions' ends where it is bidirectional.

    Sequences are padded on the left, so that the last step is the last real token of every row.
    """

    def __init__(self, recurrent: nn.LSTM | nn.GRU) -> None:
        super().__init__()
        self.recurrent = recurrent

    def forward(self, inputs: Tensor) -> Tensor:
        outputs, _ = self.recurrent(inputs)
        if not self.recurrent.bidirectional:
            return outputs[:, -1]  # type: ignore[no-any-return]
        hidden = self.recurrent.hidden_size
        return torch.cat([outputs[:, -1, :hidden], outputs[:, 0, hidden:]], dim=1)


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
    """Lays images out with the channels innermost, which the convolution kernels of CPUs and tensor cores prefer."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.contiguous(memory_format=torch.channels_last)


def convolution(
    in_channels: int, out_channels: int, kernel_size: int, name: Activation, *, batch_norm: bool, padding: str = "same"
) -> list[nn.Module]:
    """Convolution, normalization where asked for, activation."""
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=padding, bias=not batch_norm)
    return [conv, *([nn.BatchNorm2d(out_channels)] if batch_norm else []), activation(name)]


def initialize(network: nn.Module, scheme: Initialization, name: Activation) -> nn.Module:
    """Draws the weights of every dense and convolutional layer anew; biases become zero. Returns the network.

    `"default"` keeps torch's own (uniform, bounded by the inverse root of the fan-in). Variances, by fan-in `n` and
    fan-out `m`: He `2 / n` (He et al. 2015, arXiv:1502.01852), LeCun `1 / n`, Xavier `2 / (n + m)` times the
    squared gain of tanh (Glorot and Bengio 2010). Orthogonal: Saxe et al. 2013, arXiv:1312.6120.
    """
    if scheme == "default":
        return network
    gain = nn.init.calculate_gain(name if name in ("relu", "tanh", "selu", "sigmoid", "leaky_relu") else "relu")
    for layer in network.modules():
        if not isinstance(layer, nn.Linear | nn.Conv2d):
            continue
        match scheme:
            case "he":
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            case "lecun":
                nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
            case "xavier":
                nn.init.xavier_normal_(layer.weight, gain=gain if name == "tanh" else 1.0)
            case "orthogonal":
                nn.init.orthogonal_(layer.weight, gain=gain)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return network
