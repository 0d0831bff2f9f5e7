"""The harmonic mean of precision and recall, over classes or labels that count alike."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.metrics import _labels
from mapsto.metrics._classes import confusion, is_blank
from mapsto.metrics.base import Direction, Form, Metric


class F1(Metric):
    """Macro F1: the mean over classes of 2 · correct / (rows of the class + answers of the class), in [0, 1].

    The classes are those that occur among the targets or the answers; one that is never answered rightly has 0.
    All classes absent from the columns count as one class. Of several labels a row, the same over labels, which are
    answered from a probability of 0.5 on; NaN where no row has one and none is answered.

    Example:
        >>> import numpy as np
        >>> round(F1()(np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]), np.array([0, 1, 1])), 4)
        0.6667

    References:
        van Rijsbergen, 1979, "Information Retrieval", chapter 7; as `f1_score(average="macro")` of scikit-learn.
    """

    title: ClassVar[str] = "macro F1"
    direction: ClassVar[Direction] = "maximize"
    takes: ClassVar[Form] = "probabilities"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    percent: ClassVar[bool] = True

    def __call__(self, predictions: NDArray[Any], targets: NDArray[Any]) -> float:
        if targets.ndim == 2:
            return self._of_labels(predictions, targets)
        counts = confusion(predictions, targets)
        if is_blank(predictions):
            return float("nan")
        found = np.append(counts.diagonal(), 0)
        involved = counts.sum(axis=1) + np.append(counts.sum(axis=0), 0)
        return float(np.mean(2 * found[involved > 0] / involved[involved > 0]))

    def _of_labels(self, predictions: NDArray[Any], targets: NDArray[Any]) -> float:
        right, involved = _labels.counts(predictions, targets)
        occurs = involved > 0
        if is_blank(predictions) or not occurs.any():
            return float("nan")
        return float(np.mean(2 * right[occurs] / involved[occurs]))
