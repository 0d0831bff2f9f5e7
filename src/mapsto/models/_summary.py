"""What a network is before it is trained: layers, shapes, parameters, multiply-adds, memory, receptive field.

Needs torch. The network is run on a few equal rows, in evaluation mode but for the memory; its weights, buffers
and torch's random generator stay as they were.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.utils import parametrize
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode


class Layer(NamedTuple):
    """One module that computes something, in the order of computing.

    Attributes:
        name: dotted, as in the names of its parameters.
        kind: its class.
        shape: of its output, the first where there are more, without the rows.
        parameters: that it holds itself, frozen ones too.
        macs: multiplications with an addition for one row.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    macs: int


class Summary(NamedTuple):
    """A network in numbers.

    Attributes:
        layers: modules with parameters or work of their own, and those that change the shape.
        parameters: that are trained, each counted once.
        macs: multiply-adds for one row, forward: convolutions, dense and recurrent layers, attention. What is done a
            value (activations, normalizations, poolings) is not counted, as is the custom.
        weight_bytes: parameters and buffers.
        activation_bytes: what is kept for the backward pass, for one row.
        receptive_field: height and width in pixels of what one position of the last maps sees, through convolutions and
            poolings; not through what averages whole maps. None for networks without maps, or with attention.
    """

    layers: tuple[Layer, ...]
    parameters: int
    macs: int
    weight_bytes: int
    activation_bytes: int
    receptive_field: tuple[int, int] | None


def summarize(network: nn.Module, inputs: Tensor) -> Summary:
    """Measures a network.

    Args:
        network: on the device of the inputs.
        inputs: one row, as the network reads it; ones will do.
    """
    with _as_it_was(network):
        layers, macs = _forward(network, inputs)
        field = _receptive_field(network, inputs)
    tensors = itertools.chain(network.parameters(), network.buffers())
    return Summary(
        layers=tuple(layers),
        parameters=sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad),
        macs=macs,
        weight_bytes=sum(tensor.nbytes for tensor in tensors),
        activation_bytes=activation_bytes(network, inputs),
        receptive_field=field,
    )


def activation_bytes(network: nn.Module, inputs: Tensor) -> int:
    """Bytes kept for the backward pass for one row in training: what a third row adds to two.

    Args:
        network: on the device of the inputs.
        inputs: one row, as the network reads it.
    """
    sizes = []
    with _as_it_was(network):
        network.train()
        for rows in (2, 3):
            kept: dict[int, int] = {}

            def keep(tensor: Tensor, kept: dict[int, int] = kept) -> Tensor:
                storage = tensor.untyped_storage()
                kept[storage.data_ptr()] = storage.nbytes()
                return tensor

            with saved_tensors_hooks(keep, lambda tensor: tensor):
                outputs = network(inputs.expand(rows, *inputs.shape[1:]).contiguous())
            del outputs
            sizes.append(sum(kept.values()))
    return sizes[1] - sizes[0]


def _forward(network: nn.Module, inputs: Tensor) -> tuple[list[Layer], int]:
    """Layers in the order of computing, and the multiply-adds of all, from one pass in evaluation mode."""
    names = {module: name for name, module in network.named_modules() if "parametrizations" not in name.split(".")}
    shapes: dict[nn.Module, tuple[tuple[int, ...], bool]] = {}

    def seen(module: nn.Module, args: Any, outputs: Any) -> None:
        given = args[0].shape if args and isinstance(args[0], Tensor) else None
        first = next((item for item in tree_leaves(outputs) if isinstance(item, Tensor)), None)
        shape = torch.Size() if first is None else first.shape
        shapes[module] = (tuple(shape[1:]), given != shape)

    handles = [module.register_forward_hook(seen) for module in names]
    counter = FlopCounterMode(display=False, custom_mapping={torch.ops.aten.mkldnn_rnn_layer: _recurrent_flops})
    network.eval()
    try:
        with counter:
            network(inputs)
    finally:
        for handle in handles:
            handle.remove()
    root = type(network).__name__
    counts = {
        name.removeprefix(root).removeprefix("."): sum(n.values()) for name, n in counter.get_flop_counts().items()
    }

    def below(module: nn.Module) -> int:
        """Operations in the modules under this one; those that are never called, such as lists, are looked through."""
        children = [child for child in module.children() if child in names]
        return sum(counts.get(names[child]) or below(child) for child in children)

    layers = []
    for module, (shape, changes) in shapes.items():
        macs = (counts.get(names[module], 0) - below(module)) // 2
        own = sum(parameter.numel() for parameter in _own(module))
        is_leaf = not any(child in names for child in module.children())
        if own or macs or (changes and is_leaf):
            kind = type(module).__name__.removeprefix("Parametrized")
            layers.append(Layer(names[module], kind, shape, own, macs))
    return layers, counter.get_total_flops() // 2


def _own(module: nn.Module) -> Iterator[nn.Parameter]:
    """Parameters that a module holds itself, those of its parametrizations too."""
    yield from module.parameters(recurse=False)
    if parametrize.is_parametrized(module):
        yield from module.get_submodule("parametrizations").parameters()


def _recurrent_flops(steps: Any, weight_in: Any, weight_hidden: Any, *_: Any, **__: Any) -> int:
    """An LSTM layer as one operation of oneDNN, which torch does not count; arguments are shapes."""
    return 2 * int(steps[0] * steps[1] * (math.prod(weight_in) + math.prod(weight_hidden)))


Field = tuple[tuple[float, float], tuple[float, float]]
"""Of a position in maps: the pixels that it sees, and the pixels to its neighbor; high and wide."""


class _Fields(TorchDispatchMode):
    """Follows through every operation what a position sees.

    For a window of `k` positions with dilation `d` and stride `s`: `field += (k - 1) · d · jump`, then `jump *= s`
    (Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", Distill, 2019). Where
    branches meet, the widest counts.
    """

    def __init__(self, inputs: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.largest: tuple[float, float] | None = None
        self.mixes = False
        # By identity; holding the tensors keeps identities from being used again.
        self._known: dict[int, tuple[Tensor, Field]] = {id(inputs): (inputs, ((1.0, 1.0), (1.0, 1.0)))}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        outputs = func(*args, **(kwargs or {}))
        name = str(func.overloadpacket).rpartition(".")[2]
        self.mixes |= name in ("bmm", "baddbmm") or "attention" in name or "transformer" in name
        found = [self._known[id(item)][1] for item in tree_leaves(args) if id(item) in self._known]
        if not found:
            return outputs
        seen, jump = ((max(f[part][0] for f in found), max(f[part][1] for f in found)) for part in (0, 1))
        for step in range(2):
            window, dilation, stride = _window(name, args, outputs, step)
            if window is not None:
                seen = _with(seen, step, seen[step] + (window - 1) * dilation * jump[step])
                jump = _with(jump, step, jump[step] * stride)
        if name in WINDOWED:
            before = self.largest or (0.0, 0.0)
            self.largest = (max(before[0], seen[0]), max(before[1], seen[1]))
        for item in tree_leaves(outputs):
            if isinstance(item, Tensor):
                self._known[id(item)] = (item, (seen, jump))
        return outputs


WINDOWED = ("convolution", "max_pool2d_with_indices", "avg_pool2d")


def _window(name: str, args: Any, outputs: Any, axis: int) -> tuple[float | None, float, float]:
    """Window, dilation and stride of an operation along an axis of maps; no window where it has none."""
    if name == "convolution" and args[1].ndim == 4:
        kernel, stride = args[1].shape[2 + axis], args[3][axis]
        return (math.ceil(kernel / stride), 1, 1 / stride) if args[6] else (kernel, args[5][axis], stride)
    if name in ("max_pool2d_with_indices", "avg_pool2d"):
        kernel = args[1][axis % len(args[1])]
        stride = args[2][axis % len(args[2])] if len(args) > 2 and args[2] else kernel
        dilation = args[4] if name.startswith("max") and len(args) > 4 else (1,)
        return kernel, dilation[axis % len(dilation)], stride
    if name.startswith("upsample"):
        return 1, 1, args[0].shape[2 + axis] / outputs.shape[2 + axis]
    if name == "slice" and args[0].ndim == 4 and len(args) > 4 and args[1] == 2 + axis:
        return 1, 1, args[4]
    return None, 1, 1


def _with(pair: tuple[float, float], axis: int, value: float) -> tuple[float, float]:
    return (value, pair[1]) if axis == 0 else (pair[0], value)


def _receptive_field(network: nn.Module, inputs: Tensor) -> tuple[int, int] | None:
    if inputs.ndim != 4:
        return None
    network.eval()
    with torch.no_grad(), _Fields(inputs) as fields:
        network(inputs)
    if fields.mixes or fields.largest is None:
        return None
    return round(fields.largest[0]), round(fields.largest[1])


@contextmanager
def _as_it_was(network: nn.Module) -> Iterator[None]:
    """Modes, buffers and torch's generator are put back."""
    modes = [(module, module.training) for module in network.modules()]
    kept = [(buffer, buffer.clone()) for buffer in network.buffers()]
    state = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(state)
        for module, mode in modes:
            module.training = mode
        with torch.no_grad():
            for buffer, value in kept:
                buffer.copy_(value)
