"""Numbers far from the others: the contract of every treatment of outliers."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from mapsto.data.cleaning.learned import LARGEST, Learned
from mapsto.recipe.schema import DataOptions


class OutlierTreatment(ABC):
    """One public class a file, named as the file is; `data.outliers` names it.

    What it learns are the bounds `low` and `high` of each column, from training rows alone. All treatments hold a
    number within its bounds, in whatever row, but for those that have no bounds or leave rows out.
    """

    def __init__(self, options: DataOptions) -> None:
        self.options = options

    @abstractmethod
    def learn(self, values: NDArray[np.float64]) -> Learned:
        """`low` and `high` of the columns of `(rows, columns)`, where missing values are NaN; nothing without bounds.

        Every column has two different values or more, and must keep two.
        """

    def apply(self, values: NDArray[np.float64], learned: Learned) -> NDArray[np.float64]:
        """The values held within their bounds, in place; NaN stays."""
        return np.clip(values, learned["low"], learned["high"], out=values) if learned else values

    def outlying(self, values: NDArray[np.float64]) -> NDArray[np.bool_] | None:
        """Which training rows shall not be learned from at all; None where every row is kept."""
        del values
        return None


def around_quartiles(values: NDArray[np.float64], limit: float) -> Learned:
    """Bounds `limit` inter-quartile ranges below the lower and above the upper quartile (Tukey 1977).

    Where both quartiles are one value, as in a column that is mostly zero, no distance is far, so there is no bound.
    """
    low, high = np.nanquantile(values, [0.25, 0.75], axis=0)
    spread = high - low
    is_bounded = (spread > 0) & np.isfinite(limit * spread)
    spread = np.where(is_bounded, limit * spread, 0.0)
    lowest, highest = np.maximum(low - spread, -LARGEST), np.minimum(high + spread, LARGEST)
    return {"low": np.where(is_bounded, lowest, -LARGEST), "high": np.where(is_bounded, highest, LARGEST)}
