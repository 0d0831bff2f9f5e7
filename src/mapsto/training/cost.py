"""What training a recipe's network costs, known before it is trained: parameters, multiply-adds, memory."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

from mapsto._imports import torch
from mapsto.training.averaging import averaging
from mapsto.training.epochs import build_network
from mapsto.training.memory import checkpoint_activations
from mapsto.training.parameters import Freezing, groups
from mapsto.training.parts import Slots

if TYPE_CHECKING:
    from torch import nn

    from mapsto.data.prepared import Prepared
    from mapsto.models._summary import Summary
    from mapsto.recipe.schema import Recipe


class StepMemory(NamedTuple):
    """Bytes that a training step holds, part by part; kernels need some more for a moment.

    Attributes:
        weights: parameters and buffers.
        gradients: of the parameters that are trained.
        optimizer: what the optimizer remembers, and averaged weights (`training.averaging`).
        activations: kept for the backward pass of one micro-batch.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self)


class Cost(NamedTuple):
    """A network's summary, and the memory of a step at the recipe's batch size."""

    summary: Summary
    memory: StepMemory
    batch_size: int

    def as_dict(self) -> dict[str, Any]:
        """In the types that JSON has."""
        field = self.summary.receptive_field
        return {
            "layers": [layer._asdict() | {"shape": list(layer.shape)} for layer in self.summary.layers],
            "parameters": self.summary.parameters,
            "macs": self.summary.macs,
            "receptive_field": None if field is None else list(field),
            "batch_size": self.batch_size,
            "memory": {**self.memory._asdict(), "total": self.memory.total},
        }


def cost(recipe: Recipe, prepared: Prepared) -> Cost:
    """Measures the recipe's network on the data that it will read; on the CPU, and nothing is trained.

    Args:
        recipe: with every setting filled in.
        prepared: the data.
    """
    from mapsto.models._summary import activation_bytes, summarize  # here, since it needs torch

    options, spec = recipe.training, prepared.specs["inputs"]
    network = build_network(recipe, prepared)
    row = torch.ones(1, *spec.shape, dtype=getattr(torch, spec.dtype))  # ones, since 0 pads texts
    summary = summarize(network, row)
    frozen = Freezing(network, options)
    gradients = sum(parameter.nbytes for parameter in frozen.trained())
    state = _state_bytes(network, frozen, recipe)
    if options.checkpoint_activations:
        checkpoint_activations(network)
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(options.precision)
    with nullcontext() if dtype is None else torch.autocast("cpu", dtype=dtype):
        kept = activation_bytes(network, row)
    micro_batch = -(-options.batch_size // options.accumulate_steps)
    memory = StepMemory(summary.weight_bytes, gradients, state, kept * micro_batch)
    return Cost(summary, memory, options.batch_size)


def _state_bytes(network: nn.Module, frozen: Freezing, recipe: Recipe) -> int:
    """Bytes of the optimizer's slots after a step with gradients of zero, and of averaged weights."""
    optimizer = recipe.optimizer.build(groups(network, recipe.training, recipe.optimizer))
    for parameter in frozen.trained():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    slots = Slots(optimizer).state()
    averaged = averaging(recipe.training, network, network)
    if averaged is not None:
        averaged.after_step()
        averaged.after_epoch(recipe.training.max_epochs)
        slots |= averaged.state()
    return sum(tensor.nbytes for tensor in slots.values())
