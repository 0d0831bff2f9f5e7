"""Whether the gradients of a network are right: autograd beside central differences, layer by layer."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mapsto._imports import torch
from mapsto.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor, nn

STEP = 1e-6
"""Of the differences, relative to the size of what is changed; near the cube root of float64's precision."""

DIRECTIONS = 3
"""Random directions in which each tensor is tried: a wrong entry shows in each of them, whatever the size."""

OFF_CORNERS = 1e-3
"""How far the values that reach a layer are moved before it is tried there."""

TOLERANCE = 1e-4
"""Relative error that is taken for rounding; wrong formulas are off by much more than that."""


@dataclass(frozen=True)
class LayerCheck:
    """One layer's gradients: with respect to its parameters and to what flows into it.

    Attributes:
        name: of the module, as `named_modules` has it; the network itself is `""`.
        kind: the module's class.
        tensor: the parameter, or `input`, whose gradient is the furthest off.
        error: the largest relative difference between autograd and the central difference, over all directions;
            infinite where a tensor matters to the output and gets no gradient.
        ok: the error is below the tolerance.
        culprit: whether the fault lies in this layer itself: its parts, if it has any, are right.
    """

    name: str
    kind: str
    tensor: str
    error: float
    ok: bool
    culprit: bool


@dataclass(frozen=True)
class GradientCheck:
    """What `check_gradients` found, in the order in which the layers ran.

    Attributes:
        layers: one entry a layer that was used.
        loss_error: the same error for the loss function, with respect to the network's output.
        ok: everything is right.
    """

    layers: tuple[LayerCheck, ...]
    loss_error: float

    @property
    def ok(self) -> bool:
        return all(layer.ok for layer in self.layers) and self.loss_error <= TOLERANCE

    @property
    def wrong(self) -> tuple[str, ...]:
        """The layers in which a fault lies; `"loss"` where it lies in the loss function."""
        found = tuple(layer.name or layer.kind for layer in self.layers if layer.culprit)
        return found if self.loss_error <= TOLERANCE else (*found, "loss")

    def __str__(self) -> str:
        rows = [f"{'right' if layer.ok else 'WRONG'}  {layer.error:9.1e}  {layer.name or '(the network)'} "
                f"({layer.kind}), {layer.tensor}" for layer in self.layers]  # fmt: skip
        rows.append(f"{'right' if self.loss_error <= TOLERANCE else 'WRONG'}  {self.loss_error:9.1e}  the loss")
        verdict = "All gradients are right." if self.ok else f"Wrong gradients: {', '.join(self.wrong)}."
        return "\n".join([*rows, verdict])


def check_gradients(
    model: nn.Module, loss: Callable[[Any, Any], Tensor], batch: tuple[Any, Any], *, seed: int = 0
) -> GradientCheck:
    """Compares autograd with central differences in double precision, and names the layer that is wrong.

    Every module that runs is tried on its own, at the values that reach it in this batch (moved off corners a
    little): for random directions `d` of each of its parameters and inputs and a random weighting `v` of its
    outputs, `vᵀ(f(x + h·d) − f(x − h·d)) / 2h` must equal what backpropagation gives for `d`. So a wrong `backward`
    shows in the layer that has it and not in all those before it. Where an activation has a corner between the two
    points, another step is taken. Dropout draws the same mask each time. The model itself is not changed: a copy in
    double precision is tried.

    Args:
        model: any torch module, in the mode (training or evaluation) in which it shall be checked.
        loss: `loss(outputs, targets)`, a number.
        batch: `(inputs, targets)`; inputs are a tensor, a tuple of arguments, or a mapping of named ones. A few rows
            are enough.
        seed: of the random directions.

    Raises:
        ModelError: a layer turns double precision into less, so that nothing can be compared.

    Example:
        >>> import torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
        >>> batch = torch.randn(5, 3), torch.tensor([0, 1, 1, 0, 1])
        >>> check_gradients(model, torch.nn.functional.cross_entropy, batch).ok
        True
    """
    network = copy.deepcopy(model).double()
    inputs, targets = _doubled(batch[0]), _doubled(batch[1])
    generator = torch.Generator().manual_seed(seed)
    with _generators_kept():
        calls, outputs = _recorded(network, inputs)
        checked = [_check(call, generator) for call in reversed(calls)][::-1]  # parts before what they are part of
        loss_error, _ = _error(
            _Call("loss", "loss", lambda *tensors: loss(_replaced(outputs, list(tensors)), targets), _tensors(outputs)),
            generator,
        )
    wrong = [name for name, _, _, error in checked if error > TOLERANCE]
    layers = tuple(
        LayerCheck(name, kind, tensor, error, error <= TOLERANCE, error > TOLERANCE and not _inside(name, wrong))
        for name, kind, tensor, error in checked
    )
    return GradientCheck(layers, loss_error)


@dataclass
class _Call:
    """A module as a function of tensors: its parameters, then the floating-point tensors that it was called with."""

    name: str
    kind: str
    function: Callable[..., Any]
    tensors: list[Tensor]
    names: tuple[str, ...] = ()


def _recorded(network: nn.Module, inputs: Any) -> tuple[list[_Call], Any]:
    """The first call of each module, in order of the first use, and the network's output."""
    seen: dict[str, tuple[nn.Module, tuple[Any, ...], dict[str, Any], Tensor]] = {}
    names = {module: name for name, module in network.named_modules()}

    def before(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        name = names[module]
        if name not in seen:
            seen[name] = (module, _detached(args), _detached(kwargs), torch.get_rng_state())

    hooks = [module.register_forward_pre_hook(before, with_kwargs=True) for module in names]
    try:
        outputs = _called(network, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return [_as_call(name, *recorded) for name, recorded in seen.items()], _detached(outputs)


def _as_call(name: str, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], noise: Tensor) -> _Call:
    parameters = dict(module.named_parameters())
    buffers = {key: value.clone() for key, value in module.named_buffers()}
    # Zeros that a rectifier made are ties for a pooling: a corner at the very point, so the point is moved.
    drawn = torch.Generator().manual_seed(0)
    flowing = [x + OFF_CORNERS * torch.randn(x.shape, generator=drawn, dtype=x.dtype) for x in _tensors((args, kwargs))]

    def function(*tensors: Tensor) -> Any:
        state = dict(zip(parameters, tensors, strict=False))
        state |= {key: value.clone() for key, value in buffers.items()}  # running means move: each call starts afresh
        flowing = [tensor.clone() for tensor in tensors[len(parameters) :]]  # a layer may work in place
        given, named = _replaced((args, kwargs), flowing)
        torch.set_rng_state(noise)  # dropout draws the same mask
        return torch.func.functional_call(module, state, given, named)

    tensors = [parameter.detach() for parameter in parameters.values()] + flowing
    labels = (*parameters, *(["input"] * len(flowing)))
    return _Call(name, type(module).__name__, function, tensors, labels)


def _check(call: _Call, generator: torch.Generator) -> tuple[str, str, str, float]:
    error, tensor = _error(call, generator)
    return call.name, call.kind, tensor, error


def _error(call: _Call, generator: torch.Generator) -> tuple[float, str]:
    """The largest relative error over all tensors and directions, and the tensor that has it."""
    leaves = [tensor.clone().requires_grad_() for tensor in call.tensors]
    outputs = _tensors(call.function(*leaves))
    if any(output.dtype != torch.float64 for output in outputs):
        raise ModelError(
            f"The layer {call.name or '(the network)'} ({call.kind}) gives {outputs[0].dtype} for double precision, so "
            f"its gradients cannot be compared with differences. Let it keep the type of its input: no `.float()`, "
            f"no `.to(torch.float32)` inside."
        )
    weights = [torch.randn(output.shape, generator=generator, dtype=torch.float64) for output in outputs]
    total = _weighted(outputs, weights)
    gradients = torch.autograd.grad(total, leaves, allow_unused=True) if total.requires_grad else [None] * len(leaves)
    worst, name = 0.0, ""
    with torch.no_grad():
        for place, gradient in enumerate(gradients):
            for _ in range(DIRECTIONS):
                error = _in_direction(call, weights, place, gradient, generator)
                if error > worst or not name:
                    worst, name = error, (call.names[place] if call.names else "outputs")
    return worst, name


def _in_direction(
    call: _Call, weights: list[Tensor], place: int, gradient: Tensor | None, generator: torch.Generator
) -> float:
    """Relative error along one random direction of one tensor; of several step sizes the best counts.

    A corner (of a rectifier, of a maximum) between the two points spoils a difference whatever the gradient. Then the
    differences of unlike steps do not agree with each other either, and nothing is said against the gradient.
    """
    tensor = call.tensors[place]
    direction = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
    claimed = 0.0 if gradient is None else float((gradient * direction).sum())
    size = max(1.0, float(tensor.abs().max()) if tensor.numel() else 1.0)
    slopes: list[float] = []
    best = math.inf
    for step in (STEP * size, 30 * STEP * size, STEP * size / 30):
        ends = []
        for sign in (1.0, -1.0):
            tensors = list(call.tensors)
            tensors[place] = tensor + sign * step * direction
            ends.append(float(_weighted(_tensors(call.function(*tensors)), weights)))
        slopes.append((ends[0] - ends[1]) / (2 * step))
        noise = 1e-15 * max(abs(ends[0]), abs(ends[1]), 1.0) / step
        scale = max(abs(slopes[-1]), abs(claimed), 10 * noise / TOLERANCE)
        best = min(best, abs(slopes[-1] - claimed) / scale)
        if best <= TOLERANCE:
            return best
    spread = min(abs(first - second) / scale for first, second in itertools.combinations(slopes, 2))
    if spread > best / 10:
        return 0.0
    return best if gradient is not None else math.inf


def _weighted(outputs: list[Tensor], weights: list[Tensor]) -> Tensor:
    return torch.stack([(output * weight).sum() for output, weight in zip(outputs, weights, strict=True)]).sum()


def _inside(name: str, wrong: list[str]) -> bool:
    """Whether a part of the module of that name is wrong itself."""
    return any(other != name and (not name or other.startswith(f"{name}.")) for other in wrong)


def _called(network: nn.Module, inputs: Any) -> Any:
    match inputs:
        case Mapping():
            return network(**inputs)
        case tuple():
            return network(*inputs)
        case _:
            return network(inputs)


def _map(value: Any, change: Callable[[Tensor], Any]) -> Any:
    """The value with each tensor in it changed: of tuples, lists and mappings, to any depth."""
    match value:
        case torch.Tensor():
            return change(value)
        case Mapping():
            return {key: _map(item, change) for key, item in value.items()}
        case tuple() | list():
            items = [_map(item, change) for item in value]
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        case _:
            return value


def _doubled(value: Any) -> Any:
    return _map(value, lambda tensor: tensor.double() if tensor.is_floating_point() else tensor)


def _detached(value: Any) -> Any:
    return _map(value, lambda tensor: tensor.detach().clone())


def _tensors(value: Any) -> list[Tensor]:
    """The floating-point tensors in a value, in order."""
    found: list[Tensor] = []
    _map(value, lambda tensor: found.append(tensor) if tensor.is_floating_point() else None)
    return found


def _replaced(value: Any, tensors: list[Tensor]) -> Any:
    """The value with its floating-point tensors replaced, in order."""
    left: Iterator[Tensor] = iter(tensors)
    return _map(value, lambda tensor: next(left) if tensor.is_floating_point() else tensor)


@contextmanager
def _generators_kept() -> Iterator[None]:
    state = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(state)
