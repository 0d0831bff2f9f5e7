"""Yeo-Johnson's power transformation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapsto.data.cleaning.learned import Learned
from mapsto.data.cleaning.scalers.base import Scaler, shifted


class Power(Scaler):
    """A power of each column, by maximum likelihood the one that makes it most normal, then to mean 0 and deviation 1.

    As scikit-learn's `PowerTransformer`. Yeo and Johnson, "A new family of power transformations to improve normality
    or symmetry", Biometrika 87, 2000.
    """

    def learn(self, values: NDArray[np.float64]) -> Learned:
        from sklearn.preprocessing import PowerTransformer, StandardScaler

        powers = np.ones(values.shape[1])
        for place in range(values.shape[1]):
            try:
                powers[place] = PowerTransformer(standardize=False).fit(values[:, [place]]).lambdas_[0]
            except (ValueError, ArithmeticError):
                powers[place] = 1.0  # no power fits numbers at the end of float64's range; 1 changes nothing
        powers[~np.isfinite(powers)] = 1.0
        fitted = StandardScaler().fit(_raised(values, powers))
        return {"power": powers, "shift": fitted.mean_, "factor": 1.0 / fitted.scale_}

    def apply(self, values: NDArray[np.float64], learned: Learned) -> NDArray[np.float64]:
        return shifted(_raised(values, learned["power"]), learned)


def _raised(values: NDArray[np.float64], powers: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import boxcox1p

    # Box and Cox's transformation of 1 + |x|, with the mirrored power 2 - p for negative numbers.
    sizes = np.abs(values)
    return np.where(values < 0, -boxcox1p(sizes, 2.0 - powers), boxcox1p(sizes, powers))
