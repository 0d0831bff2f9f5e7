"""What the regression metrics share: errors in double precision, from arrays whose shapes were checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def errors(predictions: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
    """Prediction minus target of each row, shape `(rows,)`.

    Raises:
        ValueError: the shapes differ; numpy would stretch `(rows, 1)` against `(rows,)` to a square without a word.
    """
    if predictions.ndim != 1 or predictions.shape != targets.shape:
        raise ValueError(
            "Regression metrics take values of shape (rows,) and targets of the same shape. "
            f"Received: {predictions.shape=}, {targets.shape=}."
        )
    return np.asarray(np.subtract(predictions, targets, dtype=np.float64))
