"""What the metrics of labels share: checks, answers, and their counts label by label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

THRESHOLD = 0.5
"""Probability from which a label is answered."""


def check(predictions: NDArray[Any], targets: NDArray[Any]) -> None:
    """Refuses arrays that are not probabilities and flags, both of shape `(rows, labels)`.

    Raises:
        ValueError: naming both shapes.
    """
    if predictions.ndim != 2 or targets.shape != predictions.shape:
        raise ValueError(
            "Metrics of labels take probabilities and flags of 0 and 1, both of shape (rows, labels). "
            f"Received: {predictions.shape=}, {targets.shape=}."
        )


def counts(predictions: NDArray[Any], targets: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each label the rows that are rightly answered with it, and the rows that have it plus those answered with it.

    Both of shape `(labels,)`; F1 is twice the first divided by the second.
    """
    check(predictions, targets)
    answered, true = predictions >= THRESHOLD, targets != 0
    right = (answered & true).sum(axis=0, dtype=np.int64)
    return right, answered.sum(axis=0, dtype=np.int64) + true.sum(axis=0, dtype=np.int64)
