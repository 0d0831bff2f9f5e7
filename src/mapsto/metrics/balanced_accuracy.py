"""Accuracy in which every class counts alike, however rare it is."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.metrics._classes import confusion, is_blank
from mapsto.metrics.base import Direction, Form, Metric


class BalancedAccuracy(Metric):
    """The mean over classes of the share of their rows that is found (recall), in [0, 1].

    Classes without a row among the targets are left out. All classes absent from the columns count as one class.

    Example:
        >>> import numpy as np
        >>> BalancedAccuracy()(np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]]), np.array([0, 0, 1]))
        0.5

    References:
        Brodersen et al., 2010, "The balanced accuracy and its posterior distribution".
    """

    title: ClassVar[str] = "balanced accuracy"
    direction: ClassVar[Direction] = "maximize"
    takes: ClassVar[Form] = "probabilities"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    percent: ClassVar[bool] = True

    def __call__(self, predictions: NDArray[Any], targets: NDArray[Any]) -> float:
        counts = confusion(predictions, targets)
        if is_blank(predictions):
            return float("nan")
        found = np.append(counts.diagonal(), 0)
        rows = counts.sum(axis=1)
        return float(np.mean(found[rows > 0] / rows[rows > 0]))
