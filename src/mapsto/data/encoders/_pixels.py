"""What images and masks share: reading pixels, finding one size for all, and resizing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from mapsto._messages import say
from mapsto.data.encoders._columns import column, counted
from mapsto.data.parallel import on_every_core
from mapsto.data.table import Note, Table
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

LONGEST, LONGEST_DENSE = 64, 96
"""Pixels of the longest side unless `data.image_size` is set: for one answer an image, and for one a pixel."""

MOST_PIXELS = 4096 * 4096
"""Largest target size that is accepted; beyond it a mistyped setting would fill the memory."""

Pixels = NDArray[Any]
T = TypeVar("T")


def at(values: NDArray[Any], row: int, size: tuple[int, int] | None = None) -> Pixels:
    """The pixels of one row, of shape `(height, width)` or `(height, width, channels)`; decoded if need be.

    Args:
        values: of the column.
        row: which.
        size: height and width that files are decoded to; None decodes them as they are.

    Raises:
        DataError: there is no image, or its file cannot be read.
    """
    value = values[row]
    if value is None:
        raise DataError("A row has no image.")
    return value if isinstance(value, np.ndarray) else np.asarray(value.decode(size))


def of_readable(
    function: Callable[[int, Pixels], T],
    values: NDArray[Any],
    rows: NDArray[np.int64],
    size: tuple[int, int] | None = None,
) -> dict[int, T]:
    """`function` of each row that can be read and its pixels, by row; files are decoded to `size` if given.

    Raises:
        DataError: none of them can be read (the first one's cause), or there are none.
    """

    def attempt(row: int) -> T | DataError:
        try:
            return function(row, at(values, row, size))
        except DataError as error:
            return error

    results = dict(zip(rows.tolist(), on_every_core(attempt, rows.tolist()), strict=True))
    good = {row: result for row, result in results.items() if not isinstance(result, DataError)}
    if not good:
        first = next((str(result) for result in results.values()), "there is no training row")
        raise DataError(f"None of {counted(len(rows), 'image')} looked at can be read: {first}")
    return good


def spread(rows: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """At most `limit` of the rows, evenly spread, always the same ones."""
    return rows if len(rows) <= limit else rows[np.linspace(0, len(rows) - 1, limit).astype(np.int64)]


def target_size(
    table: Table, name: str, rows: NDArray[np.int64], options: DataOptions
) -> tuple[tuple[int, int], list[Note]]:
    """Height and width that all images get, with a note where that is not their own size.

    The most common size in training, scaled down (never up) so that its longest side is at most 64 pixels, or 96
    where each pixel gets an answer. `data.image_size` sets the side of a square, or the longest side where each pixel
    gets an answer: masks keep their shape.
    """
    values = column(table, name).values
    sizes = _sizes(values, rows)
    if not sizes:
        raise DataError(f'No training row of {table.name} has an image in "{name}".')
    common = max(sizes, key=lambda size: (sizes[size], size))
    dense = any(c.kind == "mask" for c in table.columns.values())
    size = _fitted(common, dense, options)
    if size[0] * size[1] > MOST_PIXELS:
        raise DataError(f"Images of {size[1]} × {size[0]} pixels are too large. Set `data.image_size` to 4096 or less.")
    if size == common and len(sizes) == 1:
        return size, []
    common_said = f"{common[1]} × {common[0]}"
    share = 100 * sizes[common] / sum(sizes.values())
    was = say("they are {size}", size=common_said)
    if len(sizes) > 1:
        was = say("{share:.0f} % are {size}", share=share, size=common_said)
    message = say(
        "Images are resized to {width} × {height} pixels (width × height; {was}). `data.image_size` sets another size.",
        width=size[1],
        height=size[0],
        was=was,
    )
    return size, [Note("info", message, name)]


def _sizes(values: NDArray[Any], rows: NDArray[np.int64]) -> Counter[tuple[int, int]]:
    if values.dtype != object:
        height, width = values.shape[1:3]
        return Counter({(height, width): len(rows)})
    images = [value for value in values[rows] if value is not None]
    return Counter(image.shape[:2] if isinstance(image, np.ndarray) else image.size for image in images)


def _fitted(common: tuple[int, int], dense: bool, options: DataOptions) -> tuple[int, int]:
    if options.image_size is not None and not dense:
        return (options.image_size, options.image_size)
    longest = max(common)
    limit = options.image_size or min(longest, LONGEST_DENSE if dense else LONGEST)
    height, width = (max(1, round(side * limit / longest)) for side in common)
    return (height, width)


def resized(pixels: NDArray[np.uint8], size: tuple[int, int], *, smooth: bool) -> NDArray[np.uint8]:
    """Pixels of another height and width: bilinear without aliasing, or the nearest pixel's value for class ids."""
    if pixels.shape[:2] == size:
        return pixels
    method = Picture.Resampling.BILINEAR if smooth else Picture.Resampling.NEAREST
    return np.asarray(Picture.fromarray(pixels).resize((size[1], size[0]), method))
