"""The contract of every optimizer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto.recipe.options import Options

if TYPE_CHECKING:
    from torch.optim import Optimizer as TorchOptimizer


class Optimizer(Options):
    """One public class a file, named as the file is; its fields are the settings (`optimizer.<field>`).

    Every optimizer has a `learning_rate`, the size of a step before the schedule scales it, with a default of its own.
    """

    by_matrix: ClassVar[bool] = False
    """Whether hidden matrices are stepped otherwise than the rest. Only then is `group["matrix"]` true of some groups:
    each group costs a call a step, so those that differ in nothing else are kept as one."""

    learning_rate: float = Field(1e-3, gt=0, le=100, description="step size, before the schedule")

    @abstractmethod
    def build(self, parameters: Iterable[Any]) -> TorchOptimizer:
        """Makes torch's optimizer over these parameters, in the fastest form that the device has.

        Args:
            parameters: of a network, or dictionaries of groups (see `mapsto.training.parameters`). The trainer sets
                each group's `lr`; a group's own `weight_decay` stands before that of the recipe.
        """
