"""How the weights of dense and convolutional layers are drawn. Imported by `Model.build` alone, since it needs torch.

Variances by fan-in `n` and fan-out `m`, each as a normal and as a uniform distribution:

| scheme | variance | keeps | source |
| --- | --- | --- | --- |
| He | `2 / n` (leaky: `2 / (1 + slope²) / n`) | the signal behind relu | He et al. 2015, arXiv:1502.01852 |
| Xavier | `2 / (n + m)` | the signal and the gradient behind tanh | Glorot and Bengio, AISTATS 2010 |
| LeCun | `1 / n` | mean 0 and variance 1 behind selu | LeCun et al. 1998; Klambauer et al. 2017, arXiv:1706.02515 |
| orthogonal | lengths, times the activation's gain | | Saxe, McClelland and Ganguli 2013, arXiv:1312.6120 |
| truncated normal | `0.02²`, cut at two deviations | | Dosovitskiy et al. 2020, arXiv:2010.11929 |
| LSUV | orthogonal, then each layer's output on a batch is scaled to 1 | | Mishkin and Matas 2015, arXiv:1511.06422 |
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from mapsto.models._layers import NOISES, NORMS, OverChannels, Residual
from mapsto.models._options import Activation, Initialization

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
"""What is drawn anew; embeddings, recurrent cells and normalizations keep the start that their own files give them."""

GAINS: dict[Activation, float] = {
    "relu": math.sqrt(2.0),
    "leaky_relu": math.sqrt(2.0 / (1 + 0.01**2)),
    "elu": 1.2452,
    "selu": 1.0,
    "gelu": 1.5335,
    "silu": 1.6767,
    "mish": 1.4868,
    "hard_swish": 1.7367,
    "softplus": 1.0419,
    "tanh": 1.0,
    "sigmoid": 1.0,
}
"""What a unit's weights are multiplied with so that the scale of the signal stays: `1 / √E[f(z)²]` for `z ~ N(0, 1)`.

For tanh 1, where signal and gradient neither vanish nor explode but the signal shrinks slowly, as the inverse of the
depth (the edge of chaos: Poole et al. 2016, arXiv:1606.05340); a larger gain keeps the signal and blows up gradients.
For sigmoid 1: no gain keeps both. Silu and hard_swish, and more slowly gelu and mish, forgive no other scale than 1:
behind more than 10 or 20 layers of them take a normalization, or `lsuv`.
"""

SHALLOW, DEEP = 3, 10
"""Layers up to which the scale of convolutions is of no matter, and above which signals must be kept with care."""


def initialize(network: nn.Module, scheme: Initialization, name: Activation, *, zero_last: bool = False) -> nn.Module:
    """Draws the weights of every dense and convolutional layer anew; biases become zero. Returns the network.

    `"default"` keeps torch's own (uniform, variance `1 / 3n`, biases too). `"auto"` goes by activation and depth:

    - LeCun normal for selu; Xavier uniform for tanh and sigmoid, orthogonal where a tanh network has more than `DEEP`
      layers; for all others a normal distribution with He's variance at the gain of the activation, which for relu is
      He normal. Biases are torch's own in networks of up to `DEEP` layers.
    - Variance `1 / 3n` where the scale need not be kept: before a normalization, in the last layer (small scores to
      start from), and in the convolutions of networks of up to `SHALLOW` layers.
    - Residual branches start small, so that the signal does not grow with their number: a normalization that ends a
      branch starts at 0 (Goyal et al. 2017, arXiv:1706.02677), and of `k` branches without one the last layer is
      divided by `√k` (as in Radford et al. 2019; compare Zhang et al. 2019, arXiv:1901.09321).

    Args:
        network: whose last dense or convolutional layer makes the outputs.
        scheme: by name. `lsuv` starts orthogonal; the rest is done by `lsuv` when there are data.
        name: the activation in the hidden layers.
        zero_last: the last layer's weights and bias become zero, so that all outputs are 0 at the start.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, LAYERS)]
    free = _free(network, layers) if scheme == "auto" else set()
    with torch.no_grad():
        for layer in layers if scheme != "default" else ():
            weight = layer.weight.new_empty(layer.weight.shape)  # in torch's usual layout, as orthogonal_ needs it
            if layer in free:
                _uniform(weight, 1 / (3 * fans(layer)[0]))
            else:
                gain = _gain(scheme, name, is_first=layer is layers[0])
                _draw(weight, fans(layer), chosen(scheme, name, len(layers)), gain)
            put(layer, weight)
            if layer.bias is not None and (scheme != "auto" or len(layers) > DEEP):
                layer.bias.zero_()
    if scheme == "auto":
        _calm([module.branch for module in network.modules() if isinstance(module, Residual)])
    if zero_last and layers:
        nn.init.zeros_(layers[-1].weight)
        if layers[-1].bias is not None:
            nn.init.zeros_(layers[-1].bias)
    return network


def chosen(scheme: Initialization, name: Activation, depth: int) -> Initialization:
    """What `auto` stands for with an activation and so many layers; any other scheme is itself.

    Example:
        >>> chosen("auto", "relu", 3), chosen("auto", "tanh", 50), chosen("lsuv", "relu", 3)
        ('he_normal', 'orthogonal', 'lsuv')
    """
    if scheme != "auto":
        return scheme
    if name == "selu":
        return "lecun_normal"
    if name in ("tanh", "sigmoid"):
        return "orthogonal" if name == "tanh" and depth > DEEP else "xavier_uniform"
    return "he_normal"


@torch.no_grad()
def _calm(branches: list[nn.Sequential]) -> None:
    """Makes residual branches start small (see `initialize`)."""
    for branch in branches:
        last = next((m for m in reversed(list(branch.modules())) if isinstance(m, (*LAYERS, *NORMS))), None)
        if isinstance(last, NORMS) and last.weight is not None:
            last.weight.zero_()
        elif isinstance(last, LAYERS):
            put(last, last.weight / math.sqrt(len(branches)))


def _free(network: nn.Module, layers: list[Any]) -> set[nn.Module]:
    """Layers that need not keep the scale: `1 / 3n` trains as well there or better."""
    found: set[nn.Module] = set(layers[-1:])
    if len(layers) <= SHALLOW:
        found |= {layer for layer in layers if not isinstance(layer, nn.Linear)}
    for module in network.modules():
        if isinstance(module, nn.Sequential):
            found |= {a for a, b in itertools.pairwise(module) if isinstance(b, (*NORMS, OverChannels))}
    return found


def fans(layer: Any) -> tuple[float, float]:
    """Values that one output is a sum of, and outputs that one input goes to, strides of transposed layers counted."""
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    window = math.prod(layer.kernel_size)
    steps = math.prod(layer.stride)
    ins, outs = layer.in_channels / layer.groups * window, layer.out_channels / layer.groups * window
    return (max(1.0, ins / steps), outs) if layer.transposed else (ins, max(1.0, outs / steps))


def _gain(scheme: Initialization, name: Activation, *, is_first: bool) -> float:
    """What He's and orthogonal weights are multiplied with."""
    if scheme == "auto" and is_first and name not in ("relu", "leaky_relu"):
        return 1.0  # it reads the inputs, behind no activation; a curved one would not forgive the larger scale
    return GAINS["relu" if scheme.startswith("he") and name != "leaky_relu" else name]


def _draw(weight: Tensor, fan: tuple[float, float], scheme: Initialization, gain: float) -> None:
    fan_in, fan_out = fan
    variances = {"he": gain**2 / fan_in, "xavier": 2 / (fan_in + fan_out), "lecun": 1 / fan_in}
    family, _, shape = scheme.partition("_")
    if family in variances:
        (_uniform if shape == "uniform" else _normal)(weight, variances[family])
    elif scheme == "truncated_normal":
        nn.init.trunc_normal_(weight, std=0.02, a=-0.04, b=0.04)
    else:
        nn.init.orthogonal_(weight, gain=gain)


def _normal(weight: Tensor, variance: float) -> None:
    weight.normal_(0.0, math.sqrt(variance))


def _uniform(weight: Tensor, variance: float) -> None:
    bound = math.sqrt(3 * variance)
    weight.uniform_(-bound, bound)


def put(layer: nn.Module, weight: Tensor) -> None:
    """Sets a layer's weight, through its parametrization where it has one."""
    with torch.no_grad():
        if parametrize.is_parametrized(layer, "weight"):
            layer.weight = weight  # the parametrization takes it apart
        else:
            layer.get_parameter("weight").copy_(weight)


@torch.no_grad()
def lsuv(network: nn.Module, inputs: Tensor) -> None:
    """Scales each layer's weights, in the order of computing, so that its outputs on a batch have variance 1.

    One pass is enough: biases are zero, so a layer's outputs scale with its weights, and what comes after it sees
    them scaled. Buffers, such as a normalization's running statistics, stay as they were, and nothing is drawn at
    random. Layers whose outputs do not vary, such as one that starts at zero, are left alone.

    Args:
        network: drawn by `initialize`, or with biases that are zero for another reason.
        inputs: a batch as the network reads it, on its device.
    """
    done: set[nn.Module] = set()

    def scale(layer: nn.Module, _: Any, outputs: Tensor) -> Tensor | None:
        deviation = float(outputs.float().std())
        if layer in done or not (math.isfinite(deviation) and deviation > 0):
            return None
        done.add(layer)
        weight: Tensor = layer.weight  # type: ignore[assignment]
        put(layer, weight / deviation)
        return outputs / deviation

    layers = [layer for layer in network.modules() if isinstance(layer, LAYERS)]
    handles = [layer.register_forward_hook(scale) for layer in layers]
    try:
        with _without_noise(network):
            network(inputs)
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _without_noise(network: nn.Module) -> Iterator[None]:
    """In training mode, so that normalizations use the batch, but without dropout; buffers are put back."""
    modes = [(module, module.training) for module in network.modules()]
    kept = [(buffer, buffer.clone()) for buffer in network.buffers()]
    network.train()
    for module in network.modules():
        if isinstance(module, NOISES):
            module.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for buffer, value in kept:
            buffer.copy_(value)
