"""The harmonic mean of precision and recall, over all answers of all labels together."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.metrics._labels import THRESHOLD, check
from mapsto.metrics.base import Direction, Form, SumMetric


class MicroF1(SumMetric):
    """2 · labels rightly answered / (labels that rows have + labels answered), in [0, 1]; frequent labels count more.

    A label is answered from a probability of 0.5 on. NaN where no row has a label and none is answered.

    Example:
        >>> import numpy as np
        >>> round(MicroF1()(np.array([[0.9, 0.1], [0.8, 0.2]]), np.array([[1, 1], [1, 0]])), 4)
        0.8

    References:
        As `f1_score(average="micro")` of scikit-learn on flags.
    """

    title: ClassVar[str] = "micro F1"
    direction: ClassVar[Direction] = "maximize"
    takes: ClassVar[Form] = "labels"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    percent: ClassVar[bool] = True

    def terms(self, predictions: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        check(predictions, targets)
        answered, true = predictions >= THRESHOLD, targets != 0
        right = 2.0 * (answered & true).sum(axis=1)
        right[np.isnan(predictions).any(axis=1)] = np.nan
        return np.stack([right, answered.sum(axis=1) + true.sum(axis=1, dtype=np.float64)], axis=1)

    def from_sums(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.divide(sums[..., 0], sums[..., 1])
