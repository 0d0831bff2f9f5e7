"""What stands for a missing number: the contract of every imputer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.data.cleaning.learned import Learned
from mapsto.recipe.schema import DataOptions


class Imputer(ABC):
    """One public class a file, named as the file is; `data.missing` names it.

    `learn` sees training rows alone, of shape `(rows, columns)` in float64 with NaN for missing; every column has two
    different values or more. A row's numbers depend on nothing but that row and what was learned.
    """

    joint: ClassVar[bool] = False
    """Whether a number is told from the row's other columns: then all columns come at once, never in pieces."""

    says: ClassVar[str]
    """What stands for a missing number, as a sentence goes on after "are replaced by"."""

    def __init__(self, options: DataOptions) -> None:
        self.options = options

    def sample(self, columns: int) -> int | None:
        """How many training rows `learn` wants at most; None for all."""
        del columns
        return None

    @abstractmethod
    def learn(self, values: NDArray[np.float64]) -> Learned:
        """What `apply` needs to know, each array with one entry a column."""

    def apply(self, values: NDArray[np.float64], learned: Learned) -> None:
        """Replaces every NaN, in place."""
        np.copyto(values, learned["fill"], where=np.isnan(values))
