"""The most extreme numbers to the next less extreme."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapsto.data.cleaning.learned import Learned
from mapsto.data.cleaning.outliers.base import OutlierTreatment


class Winsorize(OutlierTreatment):
    """To the quantiles `data.winsorize_share` and 1 minus it of training; so at both ends this share of rows moves.

    A column that these quantiles would make constant keeps its range. Hastings et al., "Low moments for small samples",
    Annals of Mathematical Statistics 18, 1947.
    """

    def learn(self, values: NDArray[np.float64]) -> Learned:
        share = self.options.winsorize_share
        low, high = np.nanquantile(values, [share, 1.0 - share], axis=0)
        lowest, highest = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
        is_flat = low >= high
        return {"low": np.where(is_flat, lowest, low), "high": np.where(is_flat, highest, high)}
