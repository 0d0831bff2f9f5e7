"""The share of the targets' variance that the predictions explain."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.metrics._values import errors
from mapsto.metrics.base import Direction, Form, SumMetric


class R2(SumMetric):
    """1 - squared error / squared error of the mean of these targets: 1 at best, 0 for their mean, no lower bound.

    NaN where the targets do not vary, and so for a single row; scikit-learn says 0 or 1 there.

    Example:
        >>> import numpy as np
        >>> R2()(np.array([1.0, 2.0, 2.0]), np.array([1.0, 2.0, 3.0]))
        0.5
    """

    title: ClassVar[str] = "R²"
    direction: ClassVar[Direction] = "maximize"
    takes: ClassVar[Form] = "values"
    bounds: ClassVar[tuple[float, float]] = (-np.inf, 1.0)

    def terms(self, predictions: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        terms = np.ones((len(targets), 4))
        terms[:, 0] = errors(predictions, targets) ** 2
        # Any shift of the targets leaves their variance as it is; this one keeps the subtraction in `from_sums`
        # from cancelling when the targets are far from zero (years, prices).
        middle = targets.mean(dtype=np.float64) if len(targets) else 0.0
        terms[:, 1] = np.subtract(targets, middle, dtype=np.float64)
        terms[:, 2] = terms[:, 1] ** 2
        return terms

    def from_sums(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        squared_error, total, squares, rows = np.moveaxis(sums, -1, 0)
        spread = squares - total**2 / rows
        is_flat = ~(spread > 1e-12 * squares)  # what is left of equal numbers after rounding is not a spread
        return np.where(is_flat, np.nan, 1.0 - squared_error / np.where(is_flat, 1.0, spread))
