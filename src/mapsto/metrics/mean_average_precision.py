"""How well the probabilities of each label order the rows, those that have it first."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.metrics._classes import is_blank
from mapsto.metrics._labels import check
from mapsto.metrics.base import Direction, Form, Metric


class MeanAveragePrecision(Metric):
    """The mean over labels of average precision, in [0, 1]; a label at random has the share of rows that have it.

    Average precision is the mean, over the rows that have the label, of the precision among all rows whose probability
    is at least theirs. It needs no threshold. Labels that no row has are left out; NaN where that is all of them.

    Example:
        >>> import numpy as np
        >>> scores = np.array([[0.9, 0.1], [0.8, 0.7], [0.3, 0.2]])
        >>> round(MeanAveragePrecision()(scores, np.array([[1, 0], [0, 1], [1, 0]])), 4)
        0.9167

    References:
        As `average_precision_score(average="macro")` of scikit-learn on flags. Everingham et al., 2010, "The Pascal
        visual object classes challenge", section 4.2.
    """

    title: ClassVar[str] = "mean average precision"
    direction: ClassVar[Direction] = "maximize"
    takes: ClassVar[Form] = "labels"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __call__(self, predictions: NDArray[Any], targets: NDArray[Any]) -> float:
        check(predictions, targets)
        if is_blank(predictions):
            return float("nan")
        true = targets != 0
        judged = np.flatnonzero(true.any(axis=0))
        if not len(judged):
            return float("nan")
        return float(np.mean([_average_precision(predictions[:, place], true[:, place]) for place in judged]))


def _average_precision(scores: NDArray[Any], true: NDArray[np.bool_]) -> float:
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(true[order])
    # Rows of one probability come all at once: the last of them says what is found down to it.
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    found = found[last]
    return float((np.diff(found, prepend=0) * found / (last + 1)).sum() / found[-1])
