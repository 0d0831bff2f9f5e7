"""Robust scaling with smooth clipping."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapsto.data.cleaning.learned import Learned
from mapsto.data.cleaning.scalers.base import Scaler, shifted

BOUND = 3.0
"""Scaled values lie within ± this; half of it is passed nearly unchanged."""


class SmoothClip(Scaler):
    """`z / sqrt(1 + (z / 3)²)` with `z = (x - median) / (upper quartile - lower quartile)`: within (-3, 3).

    Where the quartiles are equal, half the range of values stands for their distance. Holzmüller, Grinsztajn and
    Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular data", 2024, arXiv:2407.04491.
    """

    def learn(self, values: NDArray[np.float64]) -> Learned:
        low, middle, high = np.nanquantile(values, [0.25, 0.5, 0.75], axis=0)
        half_range = np.nanmax(values, axis=0) / 2 - np.nanmin(values, axis=0) / 2
        return {"shift": middle, "factor": 1.0 / np.where(high > low, high - low, half_range)}

    def apply(self, values: NDArray[np.float64], learned: Learned) -> NDArray[np.float64]:
        # Bounded before it is squared; the result differs from that of the true value by less than float32 shows.
        scaled = np.clip(shifted(values, learned), -1e9, 1e9)
        return np.asarray(scaled / np.sqrt(1.0 + (scaled / BOUND) ** 2))
