"""A column as small whole numbers, for the checks that compare columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Codes = NDArray[np.int64]


def codes(values: NDArray[Any], most: int = 64) -> Codes:
    """Levels from 0 on; numbers with more than `most` different values by their quantiles; missing is a level."""
    if values.dtype.kind in "fiub":
        return _binned(values.astype(np.float64), most)
    found, _ = pd.factorize(values)
    return np.asarray(found + 1, dtype=np.int64)


def _binned(values: NDArray[np.float64], most: int) -> Codes:
    present = values[np.isfinite(values)]
    unique = np.unique(present)
    edges = unique if len(unique) <= most else np.unique(np.quantile(present, np.linspace(0, 1, most + 1)[1:-1]))
    found = np.searchsorted(edges, np.nan_to_num(values), side="right") + 1
    return np.where(np.isnan(values), 0, found).astype(np.int64)
