"""What the segmentation metrics share: which pixels are scored, and their counts by class.

Images are counted one by one: the codes of one image stay in the processor's cache, which is faster than one
pass over all, and an image is the unit that is resampled for an interval, for its pixels are not independent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray


def num_classes(predictions: NDArray[Any], targets: NDArray[Any]) -> int:
    """One more than the greatest class id that is predicted, or true and scored."""
    return max(int(predictions.max(initial=0)) + 1, int(_shifted(targets).max(initial=0)))


def _shifted(targets: NDArray[Any]) -> NDArray[Any]:
    """Class id + 1, and 0 where a pixel is not scored."""
    if np.issubdtype(targets.dtype, np.unsignedinteger):
        return np.asarray(
            targets + targets.dtype.type(1)
        )  # the greatest value stands for -1 there, and wraps round to 0
    return np.asarray(np.maximum(targets, -1) + 1)


def confusions(predictions: NDArray[Any], targets: NDArray[Any], classes: int) -> Iterator[NDArray[np.int64]]:
    """For each image its counts of pixels by true class (first axis) and predicted class.

    Args:
        predictions: class ids in [0, classes), shape `(images, height, width)`.
        targets: class ids below `classes`, same shape; what stands for void is not counted.
        classes: at least `num_classes(predictions, targets)`.

    Raises:
        ValueError: the shapes differ, or a predicted id is out of range.
    """
    if predictions.ndim != 3 or predictions.shape != targets.shape:
        raise ValueError(
            "Segmentation metrics take class ids of shape (images, height, width) for both predictions and targets. "
            f"Received: {predictions.shape=}, {targets.shape=}."
        )
    if predictions.size and not 0 <= int(predictions.min()) <= int(predictions.max()) < classes:
        raise ValueError(
            f"Predicted class ids must lie in [0, {classes}). Received ids from {predictions.min()} to "
            f"{predictions.max()}."
        )
    for predicted, target in zip(predictions, targets, strict=True):
        codes = np.multiply(_shifted(target), classes, dtype=np.intp)
        codes += predicted
        # The first `classes` codes are those of the pixels that are not scored.
        counts = np.bincount(codes.ravel(), minlength=classes * (classes + 1))[classes:]
        yield counts.reshape(classes, classes)
