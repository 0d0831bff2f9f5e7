"""Numbers as they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapsto.data.cleaning.learned import Learned
from mapsto.data.cleaning.scalers.base import Scaler


class NONE(Scaler):
    """No scaling: for numbers that have one scale already. In capitals, for Python keeps the name `None` to itself."""

    def learn(self, values: NDArray[np.float64]) -> Learned:
        return {}

    def apply(self, values: NDArray[np.float64], learned: Learned) -> NDArray[np.float64]:
        return values
