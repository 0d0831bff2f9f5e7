"""Small copies of images, made once for all checks that look at them."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mapsto.data.audit._subject import SEED, Rows, Subject
from mapsto.data.images import FORMATS, ImageFile
from mapsto.data.table import Column
from mapsto.errors import DataError

SIDE = 32
COLOR_SIDE = 16
MOST = 5000
_EXIF_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Thumbnails:
    """Images of one column, or as many of them as there was time for.

    Attributes:
        rows: which.
        gray: their pixels in [0, 255], of shape `(rows, SIDE, SIDE)`, smaller images blown up.
        color: their red, green and blue in [0, 255], of shape `(rows, COLOR_SIDE, COLOR_SIDE, 3)`.
        spread: the deviation of each image's pixels at full size.
        sizes: height and width.
        turned: Exif orientation, 1 for upright.
        broken: what is wrong with those that cannot be decoded, by row; their pixels are zeros.
    """

    rows: Rows
    gray: NDArray[np.float32]
    color: NDArray[np.float32]
    spread: NDArray[np.float64]
    sizes: NDArray[np.int64]
    turned: NDArray[np.int64]
    broken: dict[int, str]

    @property
    def whole(self) -> NDArray[np.bool_]:
        """Which could be decoded."""
        return ~np.isin(self.rows, list(self.broken))


def thumbnails(subject: Subject, column: Column) -> Thumbnails:
    """The column's thumbnails; the second caller gets what the first has made."""
    if column.name not in subject.pictures:
        subject.pictures[column.name] = _made(subject, column)
    found: Thumbnails = subject.pictures[column.name]
    return found


def _made(subject: Subject, column: Column) -> Thumbnails:
    present = np.arange(len(subject))
    if column.values.dtype == object:
        present = np.flatnonzero(np.array([value is not None for value in column.values], dtype=bool))
    rows = subject.sample(MOST, present)
    now = time.perf_counter()
    until = now + (subject.deadline - now) / 2
    order = np.random.Generator(np.random.PCG64(SEED)).permutation(len(rows))
    seen = np.zeros(len(rows), dtype=np.bool_)
    gray = np.zeros((len(rows), SIDE, SIDE), dtype=np.float32)
    color = np.zeros((len(rows), COLOR_SIDE, COLOR_SIDE, 3), dtype=np.float32)
    spread = np.zeros(len(rows))
    sizes = np.zeros((len(rows), 2), dtype=np.int64)
    turned = np.ones(len(rows), dtype=np.int64)
    broken: dict[int, str] = {}
    for place in order:
        if time.perf_counter() > until:
            break
        row, seen[place] = rows[place], True
        image = column.values[row]
        try:
            pixels = image if isinstance(image, np.ndarray) else _decoded(image)
        except DataError as error:
            broken[int(row)] = str(error)
            continue
        sizes[place] = pixels.shape[:2]
        whole = Image.fromarray(np.ascontiguousarray(_bytes(pixels)))
        plain = whole.convert("L")
        spread[place] = np.asarray(plain, dtype=np.float64).std()
        gray[place] = np.asarray(plain.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float32)
        small = whole.convert("RGB").resize((COLOR_SIDE, COLOR_SIDE), Image.Resampling.BOX)
        color[place] = np.asarray(small, dtype=np.float32)
        if isinstance(image, ImageFile):
            turned[place] = _orientation(image)
    return Thumbnails(rows[seen], gray[seen], color[seen], spread[seen], sizes[seen], turned[seen], broken)


def _decoded(image: Any) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = image.decode()
    return pixels


def _bytes(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """As 8 bits a channel, with 1 or 3 channels."""
    if pixels.ndim == 3:
        pixels = pixels[..., 0] if pixels.shape[-1] == 1 else pixels[..., :3]
    if pixels.dtype == np.uint8:
        return pixels
    values = np.nan_to_num(pixels.astype(np.float64))
    low, high = float(values.min()), float(values.max())
    top = 255.0 / high if low >= 0 and 0 < high <= 1 else 1.0
    return np.clip(values * top, 0, 255).astype(np.uint8)


def _orientation(image: ImageFile) -> int:
    try:
        opened = Image.open(io.BytesIO(image.tree.read(image.name)), formats=FORMATS)
        return int(opened.getexif().get(_EXIF_ORIENTATION, 1)) if "exif" in opened.info else 1
    except (DataError, OSError, ValueError, SyntaxError):  # what is broken is said by another check
        return 1
