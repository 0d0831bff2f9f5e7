"""Numbers spread over quantile bins, so that a network sees each stretch of the range apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def bin_edges(values: NDArray[np.float64], count: int) -> list[NDArray[np.float64]]:
    """Edges of at most `count` bins of each column that hold the same share of its present values.

    Where a value is so frequent that edges fall together, bins are fewer, and not equally full.
    """
    ranks = np.linspace(0, 1, count + 1)
    columns = (values[:, place] for place in range(values.shape[1]))
    return [np.unique(np.quantile(column[~np.isnan(column)], ranks)) for column in columns]


def spread(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """The piecewise-linear encoding of one column, shape `(rows, bins)`.

    A feature is 0 below its bin, 1 above it and grows linearly within; the first goes on below its bin and the last
    above it, so that new extremes are told apart. Gorishniy, Rubachev and Babenko, "On embeddings for numerical
    features in tabular deep learning", 2022, arXiv:2203.05556.

    Example:
        >>> spread(np.array([0.0, 1.0, 5.0]), np.array([0.0, 2.0, 4.0])).tolist()
        [[0.0, 0.0], [0.5, 0.0], [1.0, 1.5]]
    """
    parts = (values[:, np.newaxis] - edges[:-1]) / np.diff(edges)
    np.maximum(parts[:, 1:], 0.0, out=parts[:, 1:])
    np.minimum(parts[:, :-1], 1.0, out=parts[:, :-1])
    return np.asarray(parts)
