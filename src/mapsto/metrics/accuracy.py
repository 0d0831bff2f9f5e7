"""The share of rows whose most probable class is the true one."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.metrics._classes import answers, check
from mapsto.metrics.base import Direction, Form, SumMetric


class Accuracy(SumMetric):
    """Correct rows / rows, in [0, 1]. Among equal probabilities the first class is the answer.

    Example:
        >>> import numpy as np
        >>> Accuracy()(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0]))
        0.5
    """

    title: ClassVar[str] = "accuracy"
    direction: ClassVar[Direction] = "maximize"
    takes: ClassVar[Form] = "probabilities"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    percent: ClassVar[bool] = True
    binomial: ClassVar[bool] = True

    def terms(self, predictions: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        check(predictions, targets)
        terms = np.ones((len(targets), 2))
        terms[:, 0] = answers(predictions) == targets
        if np.isnan(predictions).any():
            terms[np.isnan(predictions).any(axis=1), 0] = np.nan
        return terms

    def from_sums(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.divide(sums[..., 0], sums[..., 1])
