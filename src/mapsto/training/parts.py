"""What a training's future depends on, as parts that are saved and restored alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from mapsto._imports import torch

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn
    from torch.optim import Optimizer


class Part(Protocol):
    """Something with a state; a part that was restored goes on exactly as the one whose state it was."""

    def state(self) -> dict[str, Tensor]:
        """All that the part must know to go on, by name."""

    def restore(self, state: dict[str, Tensor]) -> None:
        """Takes what `state` gave, lying on any device."""


def gather(parts: Mapping[str, Part]) -> dict[str, Tensor]:
    """The states of all parts, as `part.name`."""
    return {f"{part}.{name}": value for part, own in parts.items() for name, value in own.state().items()}


def distribute(parts: Mapping[str, Part], tensors: Mapping[str, Tensor]) -> None:
    """Restores all parts, in their order, from what `gather` gave; other tensors are left alone."""
    for part, own in parts.items():
        own.restore({n.removeprefix(f"{part}."): t for n, t in tensors.items() if n.startswith(f"{part}.")})


class Weights:
    """The weights and buffers of a network."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def state(self) -> dict[str, Tensor]:
        return dict(self.network.state_dict())

    def restore(self, state: dict[str, Tensor]) -> None:
        self.network.load_state_dict(state)


class Slots:
    """What an optimizer remembers: tensors for each parameter, and numbers for each group."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer

    def state(self) -> dict[str, Tensor]:
        saved = self.optimizer.state_dict()
        slots = {
            f"{number}.{slot}": value
            for number, own in saved["state"].items()
            for slot, value in own.items()
            if value is not None
        }
        numbers = {
            f"group.{place}.{name}": torch.tensor(value, dtype=torch.float64)
            for place, group in enumerate(saved["param_groups"])
            for name, value in group.items()
            if isinstance(value, bool | int | float)
        }
        return slots | numbers

    def restore(self, state: dict[str, Tensor]) -> None:
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        groups = self.optimizer.state_dict()["param_groups"]
        slots: dict[int, dict[str, Tensor]] = {}
        for name, value in state.items():
            first, _, rest = name.partition(".")
            if first == "group":
                place, _, key = rest.partition(".")
                kept = groups[int(place)]
                kept[key] = type(kept[key])(value.item())
                continue
            parameter = parameters[int(first)]
            if value.shape == parameter.shape:
                # The slots must lie in memory as the weights do (channels last), or fused steps mix them up.
                value = torch.empty_like(parameter, requires_grad=False, dtype=value.dtype).copy_(value)
            slots.setdefault(int(first), {})[rest] = value
        self.optimizer.load_state_dict({"state": slots, "param_groups": groups})


class Order:
    """The random order of the rows; its state is that of the epoch's start, which is drawn anew after a restart."""

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._start = self._generator.get_state()

    def begin(self) -> Generator:
        """The generator as it was at the start of the present epoch."""
        self._generator.set_state(self._start)
        return self._generator

    def end(self) -> None:
        """Closes the epoch: the next one is drawn with what comes after it."""
        self._start = self._generator.get_state()

    def state(self) -> dict[str, Tensor]:
        return {"start": self._start}

    def restore(self, state: dict[str, Tensor]) -> None:
        self._start = state["start"]


class Drawing:
    """A generator of random numbers that is used by one object alone."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    def state(self) -> dict[str, Tensor]:
        return {"generator": self.generator.get_state()}

    def restore(self, state: dict[str, Tensor]) -> None:
        self.generator.set_state(state["generator"])


class Noise:
    """torch's global generators while a training runs: dropout draws from this training's own random numbers.

    A network on an accelerator draws from that device's generator, so both it and the one of the CPU are kept.

    Args:
        device: where the network is.
        seed: of both generators.
    """

    def __init__(self, device: str, seed: int) -> None:
        self.device, self._inside = device, False
        self._states = {place: torch.Generator(place).manual_seed(seed).get_state() for place in {"cpu", device}}

    @contextmanager
    def drawn(self) -> Iterator[None]:
        """Inside, the global generators are this training's; afterwards they are again as they were."""
        with generators_kept(self.device):
            _set_generators(self.device, self._states)
            self._inside = True
            try:
                yield
            finally:
                self._inside = False
                self._states = _generators(self.device)

    def rewind(self) -> None:
        """Inside, the generators stand where they stood at the entrance again."""
        _set_generators(self.device, self._states)

    def state(self) -> dict[str, Tensor]:
        states = _generators(self.device) if self._inside else self._states
        return {("cpu" if place == "cpu" else "device"): state for place, state in states.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        self._states = {place: state["cpu" if place == "cpu" else "device"].cpu() for place in self._states}


@contextmanager
def generators_kept(device: str) -> Iterator[None]:
    """Gives torch's global generators, of the CPU and of a device, back as they were."""
    states = _generators(device)
    try:
        yield
    finally:
        _set_generators(device, states)


def _generators(device: str) -> dict[str, Tensor]:
    own = {} if device == "cpu" else {device: torch.get_device_module(device).get_rng_state()}
    return {"cpu": torch.get_rng_state(), **own}


def _set_generators(device: str, states: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    if device != "cpu":
        torch.get_device_module(device).set_rng_state(states[device])
