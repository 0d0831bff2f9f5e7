"""How a network lies in memory and what it keeps of a forward pass: the same result, at another cost."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Literal

from mapsto._imports import torch
from mapsto.training.averaging import statistics_kept
from mapsto.training.parameters import units, unwrapped

if TYPE_CHECKING:
    from torch import Tensor, nn

Format = Literal["channels_last", "contiguous", "measured"]

PROBES = 3
"""Timed forward and backward passes in each layout, after one that warms up; the fastest counts."""


class Layout:
    """How images and kernels of a convolutional network lie in memory: as the model has laid them out, or measured.

    Channels last is what the kernels of most processors prefer, and what the models of mapsto set. Where
    `training.memory_format: measured`, the first batch goes forward and backward a few times in both layouts, and the
    faster is kept. Then two runs from one seed may differ in the last bits, since time decides; a resumed run keeps
    the choice, so that it ends in the same weights.

    Args:
        network: without a two-dimensional convolution it is left as it is.
        wanted: the setting.
    """

    def __init__(self, network: nn.Module, wanted: Format) -> None:
        self.network = network
        has_kernels = any(isinstance(module, torch.nn.Conv2d) for module in network.modules())
        self.is_open = wanted == "measured" and has_kernels
        """Whether the choice is still to be made."""
        self.channels_last: bool | None = None
        if has_kernels and wanted != "measured":
            self._apply(channels_last=wanted == "channels_last")

    def choose(self, gradients: Callable[[], object]) -> None:
        """Times both layouts and keeps the faster; weights, statistics and random numbers stay as they were.

        Args:
            gradients: runs the network forward and backward once, on the same batch whenever it is called.
        """
        if not self.is_open:
            return
        with statistics_kept(self.network):
            seconds = {choice: self._seconds(gradients, channels_last=choice) for choice in (True, False)}
        self._apply(channels_last=seconds[True] <= seconds[False])
        self.is_open = False

    def _seconds(self, gradients: Callable[[], object], *, channels_last: bool) -> float:
        self._apply(channels_last=channels_last)
        gradients()
        times = []
        for _ in range(PROBES):
            started = time.perf_counter()
            gradients()
            if (device := next(self.network.parameters()).device).type != "cpu":
                torch.get_device_module(device).synchronize()
            times.append(time.perf_counter() - started)
        return min(times)

    def _apply(self, *, channels_last: bool) -> None:
        memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.network.to(memory_format=memory_format)
        for module in self.network.modules():
            if hasattr(module, "memory_format"):  # lays out the inputs (`ChannelsLast`)
                setattr(module, "memory_format", memory_format)  # noqa: B010
        self.channels_last = channels_last

    def state(self) -> dict[str, Tensor]:
        return {} if self.channels_last is None else {"channels_last": torch.tensor(self.channels_last)}

    def restore(self, state: dict[str, Tensor]) -> None:
        if "channels_last" in state:
            self._apply(channels_last=bool(state["channels_last"]))
            self.is_open = False


def checkpoint_activations(network: nn.Module) -> None:
    """Lets a network keep the inputs of its parts only, and compute what is inside again in the backward pass.

    Memory falls, and a step takes about a third longer. A part is a block of the network (a residual or attention
    block); where a network is one sequence, it is cut into about the square root of its length, of equal lengths
    (Chen et al., "Training deep nets with sublinear memory cost", 2016, arXiv:1604.06174). Dropout draws the same
    numbers again, and the statistics of batch normalization are not counted twice: the gradients are the same bit for
    bit.
    """
    blocks = [unit for unit in units(unwrapped(network)) if any(True for _ in unit.children())]
    if isinstance(network, torch.nn.Sequential) and not blocks:
        _cut(network)
    for block in blocks:
        block.forward = _recomputed(block, block.forward)


def _cut(sequence: nn.Sequential) -> None:
    members = list(sequence)
    length = max(1, math.ceil(math.sqrt(len(members))))
    parts = [torch.nn.Sequential(*members[first : first + length]) for first in range(0, len(members), length)]
    runs = [_recomputed(part, part.forward) for part in parts]

    def forward(inputs: Tensor) -> Tensor:
        for run in runs:
            inputs = run(inputs)
        return inputs

    sequence.forward = forward  # type: ignore[method-assign]


def _recomputed(module: nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
    from torch.utils.checkpoint import checkpoint

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), statistics_kept(module)

    def run(*inputs: Any, **named: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*inputs, **named)
        return checkpoint(forward, *inputs, use_reentrant=False, context_fn=contexts, **named)

    return run


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Inside, torch uses algorithms only that give the same bits again, and raises where it has none."""
    if not wanted:
        yield
        return
    before, warned = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warned)
