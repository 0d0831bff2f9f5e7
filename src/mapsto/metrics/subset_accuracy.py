"""The share of rows whose labels are all right."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.metrics._labels import THRESHOLD, check
from mapsto.metrics.base import Direction, Form, SumMetric


class SubsetAccuracy(SumMetric):
    """Rows answered with just the labels that they have / rows, in [0, 1]; a label is answered from 0.5 on.

    Example:
        >>> import numpy as np
        >>> SubsetAccuracy()(np.array([[0.9, 0.1], [0.8, 0.7]]), np.array([[1, 0], [1, 0]]))
        0.5

    References:
        As `accuracy_score` of scikit-learn on flags.
    """

    title: ClassVar[str] = "subset accuracy"
    direction: ClassVar[Direction] = "maximize"
    takes: ClassVar[Form] = "labels"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    percent: ClassVar[bool] = True
    binomial: ClassVar[bool] = True

    def terms(self, predictions: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        check(predictions, targets)
        terms = np.ones((len(targets), 2))
        terms[:, 0] = ((predictions >= THRESHOLD) == (targets != 0)).all(axis=1)
        terms[np.isnan(predictions).any(axis=1), 0] = np.nan
        return terms

    def from_sums(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.divide(sums[..., 0], sums[..., 1])
