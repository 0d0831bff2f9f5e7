"""How well the probabilities order the rows: the area under the receiver operating characteristic."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.metrics._classes import check, is_blank
from mapsto.metrics.base import Direction, Form, Metric


class RocAuc(Metric):
    """ROC-AUC, in [0, 1]; 0.5 is chance. Not a share of rows, so it is not shown as a percentage.

    For two classes, the probability that a row of the second class gets a higher score for it than a row of the
    first, equal scores counting half (the Mann-Whitney statistic). For more, the mean over classes of each against
    the rest. NaN if a class has no row, or all of them.

    Example:
        >>> import numpy as np
        >>> RocAuc()(np.array([[0.9, 0.1], [0.4, 0.6], [0.65, 0.35], [0.2, 0.8]]), np.array([0, 0, 1, 1]))
        0.75

    References:
        Hanley and McNeil, 1982, "The meaning and use of the area under a receiver operating characteristic curve".
    """

    title: ClassVar[str] = "ROC-AUC"
    direction: ClassVar[Direction] = "maximize"
    takes: ClassVar[Form] = "probabilities"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __call__(self, predictions: NDArray[Any], targets: NDArray[Any]) -> float:
        check(predictions, targets)
        if is_blank(predictions):
            return float("nan")
        classes = predictions.shape[1]
        judged = [1] if classes == 2 else range(classes)
        return float(np.mean([_area(predictions[:, c], targets == c) for c in judged]))


def _area(scores: NDArray[Any], positive: NDArray[np.bool_]) -> float:
    """The Mann-Whitney statistic as a share of all pairs: one sort and a search, no curve is drawn."""
    negatives, positives = np.sort(scores[~positive]), np.sort(scores[positive])
    if len(negatives) == 0 or len(positives) == 0:
        return float("nan")
    below = np.searchsorted(negatives, positives, side="left").sum()
    not_above = np.searchsorted(negatives, positives, side="right").sum()
    return float(below + not_above) / (2.0 * len(negatives) * len(positives))
