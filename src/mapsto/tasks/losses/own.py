"""The loss that comes with the user's own network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapsto.errors import RecipeError
from mapsto.tasks.losses.base import Loss

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.data.encoders.base import Spec


class Own(Loss):
    """`mapsto.Network(build, loss=...)`, or what the network computes in a training step of its own.

    Example:
        >>> Own().name
        'own'
    """

    def rows(self, outputs: Tensor, targets: Tensor, spec: Spec) -> Tensor:
        raise RecipeError("`loss.name: own` is the loss of a network of your own: `mapsto.Network(build, loss=...)`.")
