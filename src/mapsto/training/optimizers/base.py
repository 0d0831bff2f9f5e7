"""The contract of every optimizer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import Field

from mapsto.recipe.options import Options

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer as TorchOptimizer


class Optimizer(Options):
    """One public class a file, named as the file is; its fields are the settings (`optimizer.<field>`).

    Every optimizer has a `learning_rate`, the size of a step before the schedule scales it, with a default of its own.
    """

    learning_rate: float = Field(1e-3, gt=0, le=100, description="step size, before the schedule")

    @abstractmethod
    def build(self, parameters: Iterable[nn.Parameter]) -> TorchOptimizer:
        """Makes torch's optimizer over these parameters, in the fastest form that the device has."""
