"""Numbers of a column to numbers that a network learns from with ease: the contract of every scaler."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from mapsto.data.cleaning.learned import Learned
from mapsto.recipe.schema import DataOptions


class Scaler(ABC):
    """One public class a file, named as the file is; `data.scale` names it.

    `learn` sees training rows alone. Both methods work on many columns at once, of shape `(rows, columns)` in float64,
    and treat each as if it were the only one. What `learn` finds is not in the object, so that thousands of columns
    can be learned in pieces.
    """

    def __init__(self, options: DataOptions) -> None:
        self.options = options
        self.num_columns = 1
        """How many columns there are in all, of which `learn` gets some at a time."""

    @abstractmethod
    def learn(self, values: NDArray[np.float64]) -> Learned:
        """What `apply` needs to know. Missing values are NaN; every column has two different values or more.

        A column whose facts are not finite, or whose `factor` is zero, cannot be scaled and is left out.
        """

    @abstractmethod
    def apply(self, values: NDArray[np.float64], learned: Learned) -> NDArray[np.float64]:
        """The scaled values; may reuse the memory of `values`, which holds no NaN."""


def shifted(values: NDArray[np.float64], learned: Learned) -> NDArray[np.float64]:
    """`(values - shift) * factor`, in place."""
    values -= learned["shift"]
    values *= learned["factor"]
    return values
