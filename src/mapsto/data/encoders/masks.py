"""A column of masks, images whose pixels are class numbers, to arrays of class ids."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data.encoders._columns import column, counted, share, shortened
from mapsto.data.encoders._pixels import Pixels, at, of_readable, resized, target_size
from mapsto.data.encoders.base import Encoder, Spec
from mapsto.data.parallel import on_every_core
from mapsto.data.table import Note, Table
from mapsto.errors import DataError

IGNORED = 255
"""Stored for pixels that are neither trained nor scored."""


class Masks(Encoder):
    """Masks to uint8 of shape `(rows, height, width)`: class ids from 0 on, in the order of the values in the masks.

    Masks get the size that the table's images get; of each new pixel the nearest old one decides. The value
    `data.ignore_class` (void), and values that no training mask has, are stored as 255, which `spec.ignore` names.

    Example: masks of the values 0, 7 and 11 become ids 0, 1 and 2, named `"0"`, `"7"` and `"11"`.
    """

    kinds: ClassVar[tuple[str, ...]] = ("mask",)

    size: tuple[int, int] = (0, 0)
    values: tuple[int, ...] = ()
    """What each class is in the user's masks, by id."""

    def fit(self, table: Table, rows: NDArray[np.int64]) -> list[Note]:
        name = self.columns[0]
        images = table.of_kind("image")
        # The note about the size is the images' own.
        self.size, _ = target_size(table, images[0].name if images else name, rows, self.options)
        counts = self._counts(table, rows)
        self.values = tuple(value for value in np.flatnonzero(counts).tolist() if value != self.options.ignore_class)
        if not 2 <= len(self.values) < IGNORED:
            raise DataError(
                f'The masks "{name}" of {table.name} hold {counted(len(self.values), "class", "classes")} in the '
                f"{counted(len(rows), 'training row')}; from 2 to 254 are needed. A mask is an image without colors "
                f"in which each pixel's value is a class: check that these are masks, saved without loss (PNG)."
            )
        return self._notes(counts, self._new_values(table, rows, counts))

    def _new_values(self, table: Table, rows: NDArray[np.int64], counts: NDArray[np.int64]) -> list[int]:
        """Values of masks that are not for training and that no training mask has: told, never learned."""
        try:
            others = self._counts(table, np.setdiff1d(np.arange(len(table)), rows))
        except DataError:  # none of them can be read, which is told when they are encoded
            return []
        new = np.flatnonzero((others > 0) & (counts == 0)).tolist()
        return [value for value in new if value != self.options.ignore_class]

    def _notes(self, counts: NDArray[np.int64], new: list[int]) -> list[Note]:
        name, notes = self.columns[0], []
        void = self.options.ignore_class
        if void is not None and void < len(counts) and counts[void]:
            part = share(int(counts[void]), int(counts.sum()))
            message = say("{part} of the training pixels have the value {void} and are ignored.", part=part, void=void)
            notes.append(Note("info", message, name))
        elif void is not None:
            message = say("No training mask has the value {void} (`data.ignore_class`).", void=void)
            notes.append(Note("warning", message, name))
        if new:
            message = say(
                "No training mask has {values}, but masks of other parts do; these pixels are ignored.",
                values=shortened([str(value) for value in new]),
            )
            notes.append(Note("warning", message, name))
        if len(self.values) > 64:
            message = say(
                "{number} classes in the masks: were they saved with loss (JPEG), or smoothed? Values: {values}.",
                number=len(self.values),
                values=shortened([str(v) for v in self.values]),
            )
            notes.append(Note("warning", message, name))
        return notes

    def _counts(self, table: Table, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """How often each of 256 values occurs in the masks that can be read."""

        def count(_: int, pixels: Pixels) -> NDArray[np.int64]:
            return np.bincount(self._fitted(pixels).ravel(), minlength=256)

        masks = column(table, self.columns[0]).values
        return np.asarray(np.sum(list(of_readable(count, masks, rows).values()), axis=0), dtype=np.int64)

    def _fitted(self, pixels: Pixels) -> NDArray[np.uint8]:
        flat = pixels[..., 0] if pixels.ndim == 3 else pixels
        if pixels.ndim == 3 and not (pixels[..., :3] == flat[..., np.newaxis]).all():
            raise DataError(
                f'The masks "{self.columns[0]}" are in color; a mask holds one class number a pixel. Save them as '
                f"images of one channel, with values from 0 to 254."
            )
        if flat.dtype != np.uint8 and flat.size and not (flat.min() >= 0 and flat.max() <= IGNORED):
            raise DataError(
                f'The masks "{self.columns[0]}" hold values from {flat.min():g} to {flat.max():g}; class numbers from '
                f"0 to 254 are expected, and 255 for nothing."
            )
        return resized(np.ascontiguousarray(flat, dtype=np.uint8), self.size, smooth=False)

    def encode(self, table: Table) -> NDArray[Any]:
        masks = column(table, self.columns[0]).values
        encoded = np.empty((len(table), *self.size), dtype=np.uint8)
        ids = np.full(256, IGNORED, dtype=np.uint8)
        ids[list(self.values)] = np.arange(len(self.values))
        for row, mask in enumerate(on_every_core(lambda row: ids[self._fitted(at(masks, row))], range(len(table)))):
            encoded[row] = mask
        return encoded

    def unusable(self, table: Table) -> NDArray[np.bool_]:
        masks = column(table, self.columns[0]).values
        missing = pd.isna(masks) if masks.dtype == object else np.zeros(len(table))
        return np.asarray(missing, dtype=np.bool_)

    @property
    def spec(self) -> Spec:
        names = tuple(str(value) for value in self.values)
        return Spec(encoder="masks", shape=self.size, dtype="uint8", names=names, ignore=IGNORED)

    def state(self) -> dict[str, Any]:
        return {"size": list(self.size), "values": list(self.values)}

    def load(self, state: dict[str, Any]) -> None:
        height, width = state["size"]
        self.size, self.values = (height, width), tuple(state["values"])

    def decode(self, encoded: NDArray[Any]) -> NDArray[Any]:
        """Class ids to the values in the user's masks, uint8; 255 to `data.ignore_class`, or 255 if there is none."""
        values = np.full(256, IGNORED, dtype=np.uint8)
        values[: len(self.values)] = self.values
        if self.options.ignore_class is not None:
            values[IGNORED] = self.options.ignore_class
        return values.take(encoded)
