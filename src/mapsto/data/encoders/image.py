"""A column of images to one array of pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from mapsto._messages import say
from mapsto.data.encoders._columns import column
from mapsto.data.encoders._pixels import Pixels, at, of_readable, resized, spread, target_size
from mapsto.data.encoders.base import Encoder, Spec
from mapsto.data.images import ImageFile
from mapsto.data.parallel import on_every_core
from mapsto.data.table import Note, Table
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

SAMPLE, SAMPLE_BYTES = 512, 2**28
"""Images that color and statistics are taken from, spread evenly, where each has to be decoded or resized; and the
memory for images that were decoded for that and need not be decoded again."""

CHUNK = 4096
"""Rows of an array that are worked on at a time."""


class Image(Encoder):
    """Images to uint8 of shape `(rows, channels, height, width)`: one channel if training is gray, else red-green-blue.

    All images get one size (see `_pixels.target_size`). They are stored as bytes, a quarter of the memory of floats;
    `spec.shift` and `spec.scale` tell the network how to scale them as `data.scale` says, by channel: `"standard"` to
    mean 0 and standard deviation 1 over the training images, `"minmax"` to [0, 1], `"symmetric"` to [-1, 1].

    Arrays of other types than uint8 are mapped to 0..255: from [0, 1] or [0, 255] where the training pixels plainly
    such, else from 0 (or the lowest value, if negative) to the highest value in training. Files of gray values of more
    than 8 bits are divided by the power of two that brings those of training to 8, in new data too.
    """

    kinds: ClassVar[tuple[str, ...]] = ("image",)

    def __init__(self, columns: Sequence[str], options: DataOptions) -> None:
        super().__init__(columns, options)
        self._at_hand: dict[int, tuple[object, NDArray[np.uint8]]] = {}

    size: tuple[int, int] = (0, 0)
    channels: int = 0
    shift: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    pixel_range: tuple[float, float] | None = None
    """What 0 and 255 stand for in arrays that are not uint8; None where training images were uint8."""

    bits: int | None = None
    """How many bits are in use where training files have gray values of more than 8; see `ImageFile`."""

    def fit(self, table: Table, rows: NDArray[np.int64]) -> list[Note]:
        name = self.columns[0]
        values = column(table, name).values
        found = {value.bits for value in values[rows] if isinstance(value, ImageFile)} if values.dtype == object else ()
        self.bits = max((bits for bits in found if bits is not None), default=None)
        values = self._at_bits(values)
        self.size, notes = target_size(table, name, rows, self.options)
        self.pixel_range = None
        if values.dtype not in (object, np.uint8):
            self.pixel_range = _range(values, rows, name)
            if self.pixel_range != (0.0, 255.0):
                low, high = self.pixel_range
                notes.append(
                    Note(
                        "info", say("Pixels from {low:g} to {high:g} are stored as 0 to 255.", low=low, high=high), name
                    )
                )
        gray, counts = self._histogram(values, rows)
        self.channels = 1 if gray else 3
        self.shift, self.scale = _scaling(counts[: self.channels], self.options.scale)
        return notes

    def _at_bits(self, values: NDArray[Any]) -> NDArray[Any]:
        """The images, decoded with the factor of the training images where their own set has another."""
        if self.bits is None or values.dtype != object:
            return values
        if all(getattr(value, "bits", self.bits) == self.bits for value in values):
            return values
        same = np.empty(len(values), dtype=object)
        same[:] = [replace(value, bits=self.bits) if isinstance(value, ImageFile) else value for value in values]
        return same

    def _histogram(self, values: NDArray[Any], rows: NDArray[np.int64]) -> tuple[bool, NDArray[np.int64]]:
        """Whether all are gray, and how often each of 256 values occurs in each of three channels, after resizing."""
        counts = np.zeros((3, 256), dtype=np.int64)
        if values.dtype != object and values.shape[1:3] == self.size:
            gray = True
            for start in range(0, len(rows), CHUNK):
                pixels = self._as_bytes(values[rows[start : start + CHUNK]])
                gray = _count(_planes(pixels), counts) and gray
            return gray, counts
        # Exact for up to 512 images. Of more, the rest would move the mean by a few hundredths of a deviation.
        most = max(64, SAMPLE_BYTES // (3 * self.size[0] * self.size[1]))
        sample = spread(rows, min(SAMPLE, most))
        looked_at = frozenset(sample.tolist())

        def small_and_counted(row: int, pixels: Pixels) -> tuple[NDArray[np.uint8], bool, NDArray[np.int64] | None]:
            small, own = self._fitted(pixels), np.zeros_like(counts)
            return (small, _count(_planes(small[np.newaxis]), own), own) if row in looked_at else (small, True, None)

        # Files are decoded once: what fits into memory is kept for `encode`, of all rows, though training alone counts.
        keep = values.dtype == object and len(values) <= most
        found = of_readable(small_and_counted, values, np.arange(len(values)) if keep else sample, self.size)
        if values.dtype == object:
            self._at_hand = {id(values[row]): (values[row], small) for row, (small, _, _) in found.items()}
        own_counts = [own for _, _, own in found.values() if own is not None]
        if not own_counts:
            raise DataError(f'None of the training images in "{self.columns[0]}" can be read.')
        return all(gray for _, gray, _ in found.values()), np.sum(own_counts, axis=0, dtype=np.int64)

    def _small(self, values: NDArray[Any]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Each row and its image in the network's size; what was decoded for the statistics is not decoded again."""
        kept = {row: self._at_hand.pop(id(value), (None, None)) for row, value in enumerate(values)}
        ready = {row: pixels for row, (image, pixels) in kept.items() if pixels is not None and image is values[row]}
        others = [row for row in kept if row not in ready]
        yield from ready.items()
        yield from zip(others, on_every_core(lambda row: self._fitted(at(values, row, self.size)), others), strict=True)

    def _fitted(self, pixels: Pixels) -> NDArray[np.uint8]:
        return resized(_without_alpha(self._as_bytes(pixels)), self.size, smooth=True)

    def _as_bytes(self, pixels: Pixels) -> NDArray[np.uint8]:
        if pixels.dtype == np.uint8 and self.pixel_range in (None, (0.0, 1.0)):
            return pixels  # floats in [0, 1] come from such bytes
        if self.pixel_range is None:
            if pixels.dtype.kind in "bui" and pixels.size and pixels.min() >= 0 and pixels.max() <= 255:
                return pixels.astype(np.uint8)
            raise DataError(
                f'The images "{self.columns[0]}" are of type {pixels.dtype}, but the network was trained on whole '
                f"numbers from 0 to 255. Give them as uint8."
            )
        low, high = self.pixel_range
        scaled = (np.nan_to_num(pixels.astype(np.float64), nan=low) - low) * (255.0 / (high - low))
        return np.rint(np.clip(scaled, 0.0, 255.0)).astype(np.uint8)

    def encode(self, table: Table) -> NDArray[Any]:
        values = self._at_bits(column(table, self.columns[0]).values)
        encoded = np.empty((len(table), *self.spec.shape), dtype=np.uint8)
        if values.dtype != object and values.shape[1:3] == self.size:
            for start in range(0, len(table), CHUNK):
                planes = _planes(self._as_bytes(values[start : start + CHUNK]))
                encoded[start : start + CHUNK] = self._with_channels(planes)
            return encoded

        for row, pixels in self._small(values):
            encoded[row] = self._with_channels(_planes(pixels[np.newaxis]))[0]
        return encoded

    def _with_channels(self, planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if planes.shape[1] == self.channels:
            return planes
        if self.channels == 3:
            return np.repeat(planes, 3, axis=1)
        gray = [np.asarray(Picture.fromarray(np.moveaxis(image, 0, -1)).convert("L")) for image in planes]
        return np.stack(gray)[:, np.newaxis]

    @property
    def spec(self) -> Spec:
        shape = (self.channels, *self.size)
        return Spec(encoder="image", shape=shape, dtype="uint8", shift=self.shift, scale=self.scale)

    def state(self) -> dict[str, Any]:
        pixel_range = None if self.pixel_range is None else list(self.pixel_range)
        learned = {"size": list(self.size), "channels": self.channels, "pixel_range": pixel_range, "bits": self.bits}
        return {**learned, "shift": list(self.shift), "scale": list(self.scale)}

    def load(self, state: dict[str, Any]) -> None:
        height, width = state["size"]
        self.size, self.channels = (height, width), state["channels"]
        self.shift, self.scale = tuple(state["shift"]), tuple(state["scale"])
        self.bits = state.get("bits", 16)  # what was trained before this was asked used them all
        self.pixel_range = None if state["pixel_range"] is None else (state["pixel_range"][0], state["pixel_range"][1])


def _range(values: NDArray[Any], rows: NDArray[np.int64], name: str) -> tuple[float, float]:
    """What 0 and 255 stand for in images of whole numbers or floats."""
    lows, highs = [], []
    for start in range(0, len(rows), CHUNK):
        pixels = values[rows[start : start + CHUNK]]
        finite = pixels[np.isfinite(pixels)]
        lows.append(float(finite.min(initial=np.inf)))
        highs.append(float(finite.max(initial=-np.inf)))
    low, high = min(0.0, *lows), max(highs)
    if not high > low:
        raise DataError(f'The images "{name}" show nothing: no pixel of the training rows is above {low:g}.')
    if low == 0.0 and (high <= 1.001 or 127 < high <= 255):
        return (0.0, 1.0) if high <= 1.001 else (0.0, 255.0)
    return (low, high)


def _without_alpha(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`(..., height, width)` or with 3 channels; transparency is left out."""
    channels = pixels.shape[-1] if pixels.ndim == 3 else 0
    if channels in (1, 2):
        return pixels[..., 0]
    return pixels[..., :3] if channels == 4 else pixels


def _planes(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images `(rows, height, width[, channels])` as `(rows, 1 or 3, height, width)`; transparency is left out.

    Raises:
        DataError: they have another number of channels.
    """
    if pixels.ndim == 3:
        return pixels[:, np.newaxis]
    channels = pixels.shape[-1]
    if pixels.ndim != 4 or channels not in (1, 2, 3, 4):
        raise DataError(
            f"Images have shape {pixels.shape[1:]}; expected (height, width), or (height, width, channels) with 1 "
            f"channel (gray) or 3 (red, green, blue), and one more for transparency. Put the channels last."
        )
    return pixels[..., : 3 if channels > 2 else 1].transpose(0, 3, 1, 2)


def _count(planes: NDArray[np.uint8], counts: NDArray[np.int64]) -> bool:
    """Adds how often each value occurs in each channel; returns whether the images are gray."""
    first = np.bincount(planes[:, 0].ravel(), minlength=256)
    gray = planes.shape[1] == 1 or bool((planes[:, 0] == planes[:, 1]).all() and (planes[:, 0] == planes[:, 2]).all())
    counts[0] += first
    for channel in (1, 2):
        counts[channel] += first if gray else np.bincount(planes[:, channel].ravel(), minlength=256)
    return gray


def _scaling(counts: NDArray[np.int64], scale: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Shift and factor of each channel, from how often each of 256 values occurs in it (exact whole numbers)."""
    if scale != "standard":
        if scale not in ("minmax", "symmetric", "none"):
            raise DataError(
                f"`data.scale: {scale}` is for columns of numbers; images are scaled by standard, minmax, symmetric or "
                f"none."
            )
        shift, factor = {"minmax": ((0.0,), (1 / 255,)), "symmetric": ((127.5,), (1 / 127.5,)), "none": ((), ())}[scale]
        return shift * len(counts), factor * len(counts)
    values, totals = np.arange(256.0), counts.sum(axis=1)
    means = (counts * values).sum(axis=1) / totals
    deviations = np.sqrt((counts * (values - means[:, np.newaxis]) ** 2).sum(axis=1) / totals)
    # A channel without any contrast keeps its (zero) values rather than divide by nothing.
    return tuple(means.tolist()), tuple(np.where(deviations > 0, 1 / np.maximum(deviations, 1e-12), 1.0).tolist())
