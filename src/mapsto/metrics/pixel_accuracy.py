"""The share of pixels whose predicted class is the true one."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.metrics._masks import confusions, num_classes
from mapsto.metrics.base import Direction, Form, SumMetric


class PixelAccuracy(SumMetric):
    """Correct pixels / scored pixels over all images together, in [0, 1].

    Example:
        >>> import numpy as np
        >>> PixelAccuracy()(np.array([[[0, 0, 1, 1]]]), np.array([[[0, 1, -1, -1]]]))
        0.5
    """

    title: ClassVar[str] = "pixel accuracy"
    direction: ClassVar[Direction] = "maximize"
    takes: ClassVar[Form] = "masks"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    percent: ClassVar[bool] = True

    def terms(self, predictions: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        terms = np.zeros((len(targets), 2))
        counted = confusions(predictions, targets, num_classes(predictions, targets))
        for image, counts in zip(terms, counted, strict=True):
            image[:] = counts.trace(), counts.sum()
        return terms

    def from_sums(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.divide(sums[..., 0], sums[..., 1])
