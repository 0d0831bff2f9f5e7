"""By median and quartiles, which outliers do not move."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapsto.data.cleaning.learned import Learned
from mapsto.data.cleaning.scalers.base import Scaler, shifted


class Robust(Scaler):
    """`(x - median) / (upper quartile - lower quartile)`, as scikit-learn's `RobustScaler`."""

    def learn(self, values: NDArray[np.float64]) -> Learned:
        from sklearn.preprocessing import RobustScaler

        fitted = RobustScaler().fit(values)
        return {"shift": fitted.center_, "factor": 1.0 / fitted.scale_}

    def apply(self, values: NDArray[np.float64], learned: Learned) -> NDArray[np.float64]:
        return shifted(values, learned)
