"""Samples to log-mel spectrograms: resampling, windows, and the mel scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FLOOR = -100.0
"""Decibels of what is silent; full scale is 0."""

RANGE = 80.0
"""Decibels below the loudest place of a recording beyond which nothing is told apart."""

_AT_ONCE = 64  # frames that are transformed together, so that long windows do not fill the memory


@dataclass(frozen=True)
class Grid:
    """The times and frequencies of a spectrogram.

    Attributes:
        rate: samples a second; other recordings are resampled.
        num_mels: bands, evenly spaced on the mel scale from 0 to half the rate.
        samples: length that every recording is cut or filled up to.
        window, hop: samples of one frame, and from the start of one to that of the next.
    """

    rate: int
    num_mels: int
    samples: int
    window: int
    hop: int

    @property
    def frames(self) -> int:
        """Number of frames; the first and the last reach beyond the recording by half a window."""
        return 1 + self.samples // self.hop


def log_mel(samples: NDArray[np.float32], rate: int, grid: Grid) -> NDArray[np.float32]:
    """Power in decibels of full scale in each band and frame, shape `(num_mels, frames)`, from `FLOOR` on.

    A recording that is too long is cut on both sides, one that is too short filled with silence on both. What is
    `RANGE` decibels below its loudest place is raised to that, so that noise below hearing does not count.
    """
    fitted = _fitted(samples, rate, grid)
    padded = np.pad(fitted, grid.window // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, grid.window)[:: grid.hop][: grid.frames]
    bins = _bins(grid.window)
    weights = filters(grid.rate, bins, grid.num_mels).T
    power = np.concatenate(
        [_power(frames[start : start + _AT_ONCE], bins) @ weights for start in range(0, len(frames), _AT_ONCE)]
    )
    decibels = 10.0 * np.log10(np.maximum(power.T, 10 ** (FLOOR / 10)))
    return np.asarray(np.maximum(decibels, decibels.max() - RANGE), dtype=np.float32)


def _power(frames: NDArray[np.float32], bins: int) -> NDArray[np.float64]:
    """Squared amplitude of each frequency in each frame, shape `(frames, bins // 2 + 1)`."""
    spectrum = np.fft.rfft(frames * _window(frames.shape[1]), n=bins, axis=1)
    return np.asarray(spectrum.real**2 + spectrum.imag**2, dtype=np.float64)


@lru_cache(maxsize=8)
def filters(rate: int, bins: int, num_mels: int) -> NDArray[np.float64]:
    """Triangles on the mel scale, each overlapping its neighbors by half, shape `(num_mels, bins // 2 + 1)`.

    `mel = 2595 log10(1 + hertz / 700)` (O'Shaughnessy, "Speech Communication", 1987). A band that is narrower than
    the distance of two frequencies takes the nearest one.
    """
    frequencies = np.arange(bins // 2 + 1) * (rate / bins)
    edges = 700.0 * (10.0 ** (np.linspace(0.0, 2595.0 * math.log10(1.0 + rate / 1400.0), num_mels + 2) / 2595.0) - 1.0)
    low, middle, high = edges[:-2, np.newaxis], edges[1:-1, np.newaxis], edges[2:, np.newaxis]
    rising, falling = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    for band in np.flatnonzero(weights.sum(axis=1) == 0):
        weights[band, np.abs(frequencies - edges[band + 1]).argmin()] = 1.0
    return weights


def _fitted(samples: NDArray[np.float32], rate: int, grid: Grid) -> NDArray[np.float32]:
    """The middle of a recording at the grid's rate, filled up with silence on both sides."""
    from scipy.signal import resample_poly  # a quarter of a second to import

    longest = math.ceil(grid.samples * rate / grid.rate)
    samples = _middle(samples, longest)
    if rate != grid.rate:
        shared = math.gcd(rate, grid.rate)
        samples = _middle(resample_poly(samples, grid.rate // shared, rate // shared), grid.samples)
    missing = grid.samples - len(samples)
    return np.pad(np.asarray(samples, dtype=np.float32), (missing // 2, missing - missing // 2))


def _middle(samples: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    start = max(0, (len(samples) - length) // 2)
    return samples[start : start + length]


@lru_cache(maxsize=8)
def _window(length: int) -> NDArray[np.float64]:
    """Hann's window, such that a full-scale sine has a power of about 0 decibels."""
    window = np.hanning(length + 1)[:-1]
    return np.asarray(window * (2.0 / window.sum()))


def _bins(window: int) -> int:
    """Length of the transform: the power of two from twice the window on, so that low bands have frequencies."""
    return 1 << math.ceil(math.log2(2 * window))
