"""Prepared inputs to rows of features, for models that are not networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import say

MAX_FEATURES = 100
"""More dense features than this are replaced by `COMPONENTS` principal components."""

COMPONENTS = 50

MAX_LEVELS = 256
"""Features that the levels of one column become, at most."""

_CELLS_AT_ONCE = 4_000_000
_CELLS_TO_FIT = 8_000_000


class Features(Protocol):
    """Inputs as prepared, to a matrix of shape `(rows, features)`."""

    note: str
    """What was done, for the reader, or nothing."""

    stored: float
    """Numbers a row that are stored: all of them, or the mean count of those that are not zero."""

    def __call__(self, inputs: NDArray[Any]) -> Any:
        """The matrix for these rows, float32; sparse for a bag of words."""
        ...


def features_for(inputs: NDArray[Any], rows: NDArray[np.int64], seed: int, levels: tuple[int, ...] = ()) -> Features:
    """What suits the inputs, fitted on some of these (training) rows: a bag of words for tokens, else dense."""
    sample = np.random.default_rng(seed).permutation(rows)
    if np.issubdtype(inputs.dtype, np.integer) and inputs.ndim == 2:
        return BagOfWords(_taken(inputs, sample, 400 * inputs.shape[1]))
    width = int(np.prod(inputs.shape[1:])) + sum(_wide(count) for count in levels)
    return Dense(_taken(inputs, sample, width), seed, levels)


def _taken(inputs: NDArray[Any], rows: NDArray[np.int64], cells_a_row: int) -> NDArray[Any]:
    """As many of the rows as are cheap to fit on, in the order of the file, which memory-mapped arrays read best."""
    count = max(2 * COMPONENTS, _CELLS_TO_FIT // max(1, cells_a_row))
    return np.asarray(inputs[np.sort(rows[:count])])


def _pieces(inputs: NDArray[Any], more: int = 0) -> Iterator[NDArray[Any]]:
    """The inputs, some rows at a time, so that float copies of images do not fill the memory."""
    at_once = max(1, _CELLS_AT_ONCE // max(1, int(np.prod(inputs.shape[1:])) + more))
    for start in range(0, max(1, len(inputs)), at_once):
        yield np.asarray(inputs[start : start + at_once])


class Dense:
    """Numbers and images, flattened; by principal components where they are many.

    A level's number says nothing by its size, so it becomes a feature a level, or of many levels `MAX_LEVELS` features
    that levels share.
    """

    def __init__(self, sample: NDArray[Any], seed: int, levels: tuple[int, ...] = ()) -> None:
        from sklearn.decomposition import PCA

        self._levels = [(place, _wide(count)) for place, count in enumerate(levels) if _wide(count)]
        flat = self._flat(sample)
        features = flat.shape[1]
        self._components = None
        self.note, self.stored = "", float(features)
        if features > MAX_FEATURES:
            self._components = PCA(min(COMPONENTS, len(flat)), random_state=seed).fit(flat)
            sizes = self._components.singular_values_
            # Directions without variance are rounding errors, which scaling would blow up to the size of the others.
            self.stored = float(max(1, int((sizes > 1e-5 * sizes.max()).sum())))
            self.note = say(
                "{components:.0f} principal components of {features:,} features",
                components=self.stored,
                features=features,
            )

    def __call__(self, inputs: NDArray[Any]) -> NDArray[np.float32]:
        pieces = (self._flat(piece) for piece in _pieces(inputs, sum(width for _, width in self._levels)))
        if self._components is None:
            return np.concatenate([*pieces])
        kept = int(self.stored)
        return np.concatenate([(self._components.transform(p) if len(p) else p)[:, :kept] for p in pieces])

    def _flat(self, inputs: NDArray[Any]) -> NDArray[np.float32]:
        flat = inputs.reshape(len(inputs), -1).astype(np.float32)
        if not self._levels:
            return flat
        spread = np.zeros((len(flat), sum(width for _, width in self._levels)), dtype=np.float32)
        first = 0
        for place, width in self._levels:
            spread[np.arange(len(flat)), first + flat[:, place].astype(np.int64) % width] = 1.0
            first += width
        return np.concatenate([np.delete(flat, [place for place, _ in self._levels], axis=1), spread], axis=1)


def _wide(count: int) -> int:
    """Features that a level's number becomes; none where it is a plain number or a flag."""
    return min(count, MAX_LEVELS) if count > 2 else 0


class BagOfWords:
    """TF-IDF of token ids, whatever their order; padding (0) and unknown words (1) are left out."""

    def __init__(self, sample: NDArray[Any]) -> None:
        from sklearn.feature_extraction.text import TfidfTransformer

        self._size = int(sample.max(initial=1)) + 1
        counts = self._counts(sample)
        self._weights = TfidfTransformer(sublinear_tf=True).fit(counts)
        self.stored = counts.nnz / max(1, len(sample))
        self.note: str = say("TF-IDF of the words")

    def __call__(self, inputs: NDArray[Any]) -> Any:
        from scipy.sparse import vstack

        return vstack([self._weights.transform(self._counts(piece)) for piece in _pieces(inputs)], format="csr")

    def _counts(self, tokens: NDArray[Any]) -> Any:
        from scipy.sparse import csr_matrix

        row, place = np.nonzero((tokens > 1) & (tokens < self._size))
        ones = np.ones(len(row), dtype=np.float32)
        return csr_matrix((ones, (row, tokens[row, place])), shape=(len(tokens), self._size))


class Compressed:
    """A bag of words by its first singular vectors (latent semantic analysis), for models that need dense rows."""

    def __init__(self, bag: Features, sample: Any, seed: int) -> None:
        from sklearn.decomposition import TruncatedSVD

        self._bag = bag
        size = max(1, min(COMPONENTS, sample.shape[1] - 1))
        self._vectors = TruncatedSVD(size, random_state=seed).fit(sample)
        self.stored = float(size)
        self.note: str = say("{size} singular vectors of {words}", size=size, words=bag.note)

    def __call__(self, inputs: NDArray[Any]) -> NDArray[np.float32]:
        return np.asarray(self._vectors.transform(self._bag(inputs)), dtype=np.float32)


def pixel_features(
    images: NDArray[Any], image: NDArray[Any], row: NDArray[Any], column: NDArray[Any]
) -> NDArray[np.float32]:
    """For some pixels: the colors of the 3 × 3 pixels around each, and its place as shares of height and width.

    Beyond the border the border's color goes on.

    Args:
        images: shape `(images, channels, height, width)`.
        image, row, column: of each pixel, shape `(pixels,)`.

    Returns:
        Shape `(pixels, 9 * channels + 2)`.
    """
    channels, height, width = images.shape[1:]
    features = np.empty((len(row), 9 * channels + 2), dtype=np.float32)
    for index in range(9):
        y = np.clip(row + index // 3 - 1, 0, height - 1)
        x = np.clip(column + index % 3 - 1, 0, width - 1)
        features[:, index * channels : (index + 1) * channels] = images[image, :, y, x]
    features[:, -2], features[:, -1] = row / height, column / width
    return features
