"""A column of recordings to one array of log-mel spectrograms."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data.encoders._columns import column, counted
from mapsto.data.encoders._pixels import spread
from mapsto.data.encoders._sound import Grid, log_mel
from mapsto.data.encoders.base import Encoder, Spec
from mapsto.data.parallel import on_every_core
from mapsto.data.table import Note, Table
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

SAMPLE = 2048
"""Recordings that statistics are taken from, spread evenly over the training rows."""

MAX_RATE = 16_000
"""Samples a second unless `data.sample_rate` is set: half of it, 8 kHz, is the highest frequency that is seen."""

MAX_SECONDS = 10.0
"""Longest part of a recording that is taken unless `data.duration` is set."""

SHARE = 0.95
"""Share of the training recordings that are no longer than the length that is taken."""

WINDOW, HOP = 0.025, 0.010
"""Seconds of a frame, and from one to the next; both grow where the frames would be more than `MAX_FRAMES`."""

MAX_FRAMES = 256


class Spectrogram(Encoder):
    """Recordings to float16 of shape `(rows, 1, bands, frames)`: log-mel spectrograms, low bands first.

    All recordings get one rate and one length: the rate that most have in training, at most 16 kHz, and the length
    that 95 % of them do not exceed, at most 10 seconds; `data.sample_rate`, `data.duration` and `data.num_mels` set
    others. Longer ones are cut on both sides, shorter ones filled with silence. A frame is 25 ms, every 10 ms, or
    longer where that makes more than 256 frames.

    `data.scale` works on decibels: `"standard"` gives each band mean 0 and deviation 1 over the training rows,
    `"minmax"` brings those of the training rows to [0, 1], `"symmetric"` to [-1, 1], `"none"` leaves them as they are.
    """

    kinds: ClassVar[tuple[str, ...]] = ("audio",)

    grid: Grid = Grid(1, 1, 1, 1, 1)
    shift: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    def fit(self, table: Table, rows: NDArray[np.int64]) -> list[Note]:
        name = self.columns[0]
        values = column(table, name).values
        known = [value for value in values[rows] if value is not None]
        if not known:
            raise DataError(f'No training row of {table.name} has a recording in "{name}".')
        self.grid = _grid(known, self.options)
        self.shift, self.scale = _scaling(self._decibels(values, rows), self.options.scale)
        return [Note("info", self._said(known), name)]

    def _decibels(self, values: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Spectrograms `(recordings, bands, frames)` of some of the rows; those that cannot be read are left out."""

        def attempt(row: int) -> NDArray[np.float32] | DataError:
            try:
                return self._spectrogram(values[row])
            except DataError as error:
                return error

        found = list(on_every_core(attempt, spread(rows, SAMPLE).tolist()))
        good = [one for one in found if not isinstance(one, DataError)]
        if not good:
            first = next(str(one) for one in found if isinstance(one, DataError))
            raise DataError(f"None of {counted(len(found), 'recording')} looked at can be read: {first}")
        return np.stack(good)

    def _spectrogram(self, recording: Any) -> NDArray[np.float32]:
        if recording is None:
            raise DataError("A row has no recording.")
        samples, rate = recording.decode()
        return log_mel(samples, rate, self.grid)

    def _said(self, known: list[Any]) -> str:
        grid = self.grid
        longer = sum(one.seconds > grid.samples / grid.rate for one in known)
        cut = say("; {recordings} in training longer than that", recordings=counted(longer, "recording"))
        return say(
            "Recordings become log-mel spectrograms of {bands} bands × {frames} frames: {seconds:.3g} seconds at "
            "{rate:,} samples a second{cut}. `data.duration`, `data.sample_rate` and `data.num_mels` set others.",
            bands=grid.num_mels,
            frames=grid.frames,
            seconds=grid.samples / grid.rate,
            rate=grid.rate,
            cut=cut if longer else "",
        )

    def encode(self, table: Table) -> NDArray[Any]:
        values = column(table, self.columns[0]).values
        encoded = np.empty((len(table), *self.spec.shape), dtype=np.float16)
        shift, scale = (np.asarray(one, dtype=np.float32)[:, np.newaxis] for one in (self.shift, self.scale))
        for row, heard in enumerate(on_every_core(lambda row: self._spectrogram(values[row]), range(len(table)))):
            encoded[row, 0] = (heard - shift) * scale
        return encoded

    @property
    def spec(self) -> Spec:
        return Spec(encoder="spectrogram", shape=(1, self.grid.num_mels, self.grid.frames), dtype="float16")

    def state(self) -> dict[str, Any]:
        return {"grid": dict(vars(self.grid)), "shift": list(self.shift), "scale": list(self.scale)}

    def load(self, state: dict[str, Any]) -> None:
        self.grid = Grid(**state["grid"])
        self.shift, self.scale = tuple(state["shift"]), tuple(state["scale"])


def _grid(known: list[Any], options: DataOptions) -> Grid:
    """Rate, length and frames for these training recordings."""
    rates = Counter(one.rate for one in known)
    rate = options.sample_rate or min(MAX_RATE, max(rates, key=lambda each: (rates[each], each)))
    seconds = options.duration
    if seconds is None:
        lengths = np.sort([one.seconds for one in known])
        seconds = min(MAX_SECONDS, float(lengths[int(np.ceil(SHARE * len(lengths))) - 1]))
    hop = max(HOP, seconds / (MAX_FRAMES - 1))
    return Grid(
        rate=rate,
        num_mels=options.num_mels,
        samples=max(1, round(seconds * rate)),
        window=max(2, round(max(WINDOW, 2 * hop) * rate)),
        hop=max(1, int(np.ceil(hop * rate))),
    )


def _scaling(decibels: NDArray[np.float32], scale: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Shift and factor of each band, from spectrograms `(recordings, bands, frames)`."""
    bands = decibels.shape[1]
    if scale not in ("standard", "minmax", "symmetric", "none"):
        raise DataError(
            f"`data.scale: {scale}` is for columns of numbers; spectrograms are scaled by standard, minmax, symmetric "
            f"or none."
        )
    if scale not in ("standard", "minmax", "symmetric", "none"):
        raise DataError(
            f"`data.scale: {scale}` is for columns of numbers; recordings are scaled by standard, minmax, symmetric or "
            f"or none."
        )
    if scale == "none":
        return (0.0,) * bands, (1.0,) * bands
    if scale in ("minmax", "symmetric"):
        low, high = float(decibels.min()), float(decibels.max())
        span = max(high - low, 1e-6)
        shift, factor = (low, 1 / span) if scale == "minmax" else ((low + high) / 2, 2 / span)
        return (shift,) * bands, (factor,) * bands
    means = decibels.mean(axis=(0, 2), dtype=np.float64)
    deviations = decibels.std(axis=(0, 2), dtype=np.float64)
    # A band in which nothing ever changes keeps its (zero) values rather than divide by nothing.
    return tuple(means.tolist()), tuple(np.where(deviations > 1e-6, 1 / np.maximum(deviations, 1e-6), 1.0).tolist())
