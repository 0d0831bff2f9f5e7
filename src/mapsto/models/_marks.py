"""What a network says of single parameters to whoever trains it. Needs torch."""

from __future__ import annotations

from torch import nn


def mark(parameter: nn.Parameter, *, lr_scale: float = 1.0, no_decay: bool = False) -> nn.Parameter:
    """Notes on a parameter what `mapsto.training.parameters` reads; returns it.

    Args:
        parameter: of a network.
        lr_scale: what the learning rate is multiplied with.
        no_decay: whether weight decay leaves it alone, as it does biases.
    """
    parameter.lr_scale = lr_scale  # type: ignore[attr-defined]
    parameter.no_decay = no_decay  # type: ignore[attr-defined]
    return parameter
