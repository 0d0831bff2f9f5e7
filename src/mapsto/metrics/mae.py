"""The mean size of an error."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.metrics._values import errors
from mapsto.metrics.base import Direction, Form, SumMetric


class MAE(SumMetric):
    """The mean absolute error, in the target's unit, 0 at best.

    Example:
        >>> import numpy as np
        >>> MAE()(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
        1.0
    """

    title: ClassVar[str] = "MAE"
    direction: ClassVar[Direction] = "minimize"
    takes: ClassVar[Form] = "values"
    bounds: ClassVar[tuple[float, float]] = (0.0, np.inf)

    def terms(self, predictions: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        terms = np.ones((len(targets), 2))
        terms[:, 0] = np.abs(errors(predictions, targets))
        return terms

    def from_sums(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.divide(sums[..., 0], sums[..., 1])
