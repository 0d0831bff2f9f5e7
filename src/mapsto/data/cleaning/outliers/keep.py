"""Outliers as they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapsto.data.cleaning.learned import Learned
from mapsto.data.cleaning.outliers.base import OutlierTreatment


class Keep(OutlierTreatment):
    """No bounds."""

    def learn(self, values: NDArray[np.float64]) -> Learned:
        return {}
