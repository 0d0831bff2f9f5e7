"""The words and settings that model families share; imports no torch."""

from __future__ import annotations

from typing import Literal

Activation = Literal[
    "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "sigmoid", "tanh", "softplus", "hard_swish"
]
"""Nonlinearities, each torch's own with its default slope."""

Initialization = Literal[
    "auto", "default", "xavier_uniform", "xavier_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal",
    "orthogonal", "truncated_normal", "lsuv",
]  # fmt: skip
"""How weights are drawn; `mapsto.models._initialization` says which variance each has."""

Normalization = Literal["none", "batch", "layer", "rms", "group", "weight"]
"""What keeps the scale of activations; `weight` divides each unit's weights by their length instead."""


def stages(text: str) -> tuple[int, ...]:
    """Blocks in each stage of a residual network, from text.

    Example:
        >>> stages("3-4-6-3")
        (3, 4, 6, 3)

    Raises:
        ValueError: the text is not of that form.
    """
    parts = text.split("-")
    if not all(part.isascii() and part.isdigit() and 1 <= int(part) <= 99 for part in parts) or len(parts) > 6:
        raise ValueError(
            f'{text!r} does not say how many blocks each stage has. Write it as "3-4-6-3": one to six stages of 1 to '
            f"99 blocks each."
        )
    return tuple(int(part) for part in parts)


def checked_stages(text: str) -> str:
    """The text as it is, once `stages` can read it."""
    stages(text)
    return text
