"""Training rows with an outlier left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapsto.data.cleaning.learned import Learned
from mapsto.data.cleaning.outliers.base import OutlierTreatment, around_quartiles


class Drop(OutlierTreatment):
    """Rows with a number more than `data.outlier_limit` inter-quartile ranges beyond the quartiles are not trained on.

    Validation and test rows stay, as they are: what is hard must count when recipes are compared.
    """

    def learn(self, values: NDArray[np.float64]) -> Learned:
        return {}

    def outlying(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        bounds = around_quartiles(values, self.options.outlier_limit)
        return np.asarray(((values < bounds["low"]) | (values > bounds["high"])).any(axis=1))
