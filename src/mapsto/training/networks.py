"""A recipe's network, ready for weights to be put in or trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mapsto._imports import torch

if TYPE_CHECKING:
    from torch import nn

    from mapsto.data.encoders.base import Spec
    from mapsto.recipe.schema import Recipe


def network_for(recipe: Recipe, specs: Mapping[str, Spec]) -> nn.Module:
    """The recipe's network for arrays of these specs, with fresh random weights.

    What finds its sizes from the first batch (`torch.nn.LazyLinear`, a Keras model) is shown one of zeros.
    """
    network: nn.Module = recipe.model.build(specs["inputs"], recipe.task.num_outputs(specs))
    lazy = map(torch.nn.parameter.is_lazy, [*network.parameters(), *network.buffers()])
    if getattr(network, "is_unbuilt", False) or any(lazy):
        network.eval()
        with torch.no_grad():
            recipe.task.forward(network, blank_batch(specs))
    return network


def blank_batch(specs: Mapping[str, Spec], rows: int = 2) -> dict[str, torch.Tensor]:
    """A batch of zeros, all streams but the targets; sequences that were filled up count as one long."""
    return {
        stream: torch.full((rows, *spec.shape), int(stream.endswith(".lengths")), dtype=getattr(torch, spec.dtype))
        for stream, spec in specs.items()
        if stream.partition(".")[0] == "inputs"
    }
