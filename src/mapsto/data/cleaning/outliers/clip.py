"""Numbers held within some inter-quartile ranges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapsto.data.cleaning.learned import Learned
from mapsto.data.cleaning.outliers.base import OutlierTreatment, around_quartiles


class Clip(OutlierTreatment):
    """To at most `data.outlier_limit` inter-quartile ranges beyond the quartiles of training."""

    def learn(self, values: NDArray[np.float64]) -> Learned:
        return around_quartiles(values, self.options.outlier_limit)
