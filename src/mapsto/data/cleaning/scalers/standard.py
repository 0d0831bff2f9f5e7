"""To mean 0 and standard deviation 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapsto.data.cleaning.learned import Learned
from mapsto.data.cleaning.scalers.base import Scaler, shifted


class Standard(Scaler):
    """`(x - mean) / deviation` over the training rows, as scikit-learn's `StandardScaler`."""

    def learn(self, values: NDArray[np.float64]) -> Learned:
        from sklearn.preprocessing import StandardScaler  # a second to import, so only where it is used

        fitted = StandardScaler().fit(values)
        return {"shift": fitted.mean_, "factor": 1.0 / fitted.scale_}

    def apply(self, values: NDArray[np.float64], learned: Learned) -> NDArray[np.float64]:
        return shifted(values, learned)
