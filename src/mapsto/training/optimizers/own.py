"""The optimizer that comes with the user's own network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from mapsto._imports import torch
from mapsto.errors import RecipeError
from mapsto.training.optimizers.base import Optimizer


class Own(Optimizer):
    """`mapsto.Network(build, optimizer=...)`, a LightningModule's `configure_optimizers`, or how Keras was compiled.

    Example:
        >>> Own().learning_rate is None
        True
    """

    learning_rate: float | None = Field(  # type: ignore[assignment]
        None, gt=0, le=100, description="step size, before the schedule; null: what your own code says"
    )

    def build(self, parameters: Iterable[Any]) -> torch.optim.Optimizer:
        raise RecipeError(
            "`optimizer.name: own` is the optimizer of a network of your own: `mapsto.Network(build, optimizer=...)`."
        )
