"""To [0, 1]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapsto.data.cleaning.learned import Learned
from mapsto.data.cleaning.scalers.base import Scaler, shifted


class MinMax(Scaler):
    """The smallest training value to 0, the largest to 1, as scikit-learn's `MinMaxScaler`; others may lie outside."""

    def learn(self, values: NDArray[np.float64]) -> Learned:
        from sklearn.preprocessing import MinMaxScaler

        fitted = MinMaxScaler().fit(values)
        return {"shift": fitted.data_min_, "factor": fitted.scale_}

    def apply(self, values: NDArray[np.float64], learned: Learned) -> NDArray[np.float64]:
        return shifted(values, learned)
