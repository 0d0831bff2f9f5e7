"""To [-1, 1]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapsto.data.cleaning.learned import Learned
from mapsto.data.cleaning.scalers.base import Scaler, shifted


class Symmetric(Scaler):
    """The smallest training value to -1, the largest to 1, as `MinMaxScaler((-1, 1))`; others may lie outside."""

    def learn(self, values: NDArray[np.float64]) -> Learned:
        from sklearn.preprocessing import MinMaxScaler

        fitted = MinMaxScaler(feature_range=(-1, 1)).fit(values)
        # Halves first: the sum of two large floats is none.
        return {"shift": fitted.data_min_ / 2 + fitted.data_max_ / 2, "factor": fitted.scale_}

    def apply(self, values: NDArray[np.float64], learned: Learned) -> NDArray[np.float64]:
        return shifted(values, learned)
