"""What the classification metrics share: checks, answers and the confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def check(predictions: NDArray[Any], targets: NDArray[Any]) -> None:
    """Refuses arrays that are not probabilities `(rows, classes)` and class ids `(rows,)`.

    Raises:
        ValueError: naming both shapes.
    """
    if predictions.ndim != 2 or targets.shape != predictions.shape[:1]:
        raise ValueError(
            "Classification metrics take probabilities of shape (rows, classes) and class ids of shape (rows,). "
            f"Received: {predictions.shape=}, {targets.shape=}."
        )


def answers(predictions: NDArray[Any]) -> NDArray[np.intp]:
    """The most probable class of each row, the first of equals, shape `(rows,)`."""
    return predictions.argmax(axis=1) if len(predictions) else np.zeros(0, dtype=np.intp)


def confusion(predictions: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.int64]:
    """Counts of rows by true class (first axis) and answer, shape `(classes + 1, classes)`.

    The last row counts those whose true class has no column.
    """
    check(predictions, targets)
    classes = predictions.shape[1]
    truth = np.where((targets >= 0) & (targets < classes), targets, classes).astype(np.intp)
    cells = np.bincount(truth * classes + answers(predictions), minlength=(classes + 1) * classes)
    return cells.reshape(classes + 1, classes)


def is_blank(predictions: NDArray[Any]) -> bool:
    """Whether there is nothing to score: no rows, or a NaN among them."""
    return len(predictions) == 0 or bool(np.isnan(predictions).any())
