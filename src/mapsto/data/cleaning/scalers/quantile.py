"""Ranks to a normal distribution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapsto.data.cleaning.learned import Learned
from mapsto.data.cleaning.scalers.base import Scaler

KEPT = 1000
"""Quantiles that are kept of a column, at most."""

CELLS = 1_000_000
"""Quantiles that are kept of all columns, about: they are saved with the model."""

FEWEST = 32
"""Quantiles of a column, however many columns there are."""

EDGE = 1e-7
"""Ranks nearer to 0 or 1 than this are cut off, at 5.2 deviations."""


class Quantile(Scaler):
    """The share of training values below `x`, as the normal deviate of that share: a continuous column becomes normal.

    As scikit-learn's `QuantileTransformer(output_distribution="normal")` with all training rows and up to 1,000
    quantiles, between which it is linear.
    """

    def learn(self, values: NDArray[np.float64]) -> Learned:
        count = min(KEPT, len(values), max(FEWEST, CELLS // self.num_columns))
        return {"quantiles": np.nanquantile(values, np.linspace(0, 1, count), axis=0).T}

    def apply(self, values: NDArray[np.float64], learned: Learned) -> NDArray[np.float64]:
        from scipy.special import ndtri

        ranks = np.linspace(0, 1, learned["quantiles"].shape[1])
        for place, found in enumerate(learned["quantiles"]):
            low, span = found[0], found[-1] - found[0]
            if not 0 < span < np.inf:
                values[:, place] = 0.0
                continue
            # In units of the range: slopes between quantiles of tiny numbers would overflow.
            column, quantiles = (values[:, place] - low) / span, (found - low) / span
            # The mean of the ranks from below and from above puts a value that is frequent in the middle of its ranks.
            upward = np.interp(column, quantiles, ranks)
            downward = np.interp(-column, -quantiles[::-1], -ranks[::-1])
            values[:, place] = ndtri(np.clip((upward - downward) / 2, EDGE, 1 - EDGE))
        return values
