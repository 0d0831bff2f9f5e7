"""How well predicted regions cover the true ones, every class counting alike."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.metrics._masks import confusions, num_classes
from mapsto.metrics.base import Direction, Form, SumMetric


class MeanIoU(SumMetric):
    """The mean over classes of intersection / union of pixels over all images together, in [0, 1].

    The classes are those that occur in the targets or the predictions; unscored pixels count nowhere.

    Example:
        >>> import numpy as np
        >>> round(MeanIoU()(np.array([[[0, 0, 1, 1]]]), np.array([[[0, 1, 1, -1]]])), 4)
        0.5

    References:
        Everingham et al., 2015, "The Pascal visual object classes challenge: a retrospective", section 4.3.
    """

    title: ClassVar[str] = "mean IoU"
    direction: ClassVar[Direction] = "maximize"
    takes: ClassVar[Form] = "masks"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    percent: ClassVar[bool] = True

    def terms(self, predictions: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        classes = num_classes(predictions, targets)
        terms = np.zeros((len(targets), 2, classes))
        for image, counts in zip(terms, confusions(predictions, targets, classes), strict=True):
            image[0] = counts.diagonal()
            image[1] = counts.sum(axis=0) + counts.sum(axis=1) - counts.diagonal()
        return terms.reshape(len(targets), 2 * classes)

    def from_sums(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        intersections, unions = np.split(sums, 2, axis=-1)
        occurs = unions > 0
        shares = np.where(occurs, intersections / np.where(occurs, unions, 1.0), 0.0)
        return np.asarray(shares.sum(axis=-1) / occurs.sum(axis=-1))
