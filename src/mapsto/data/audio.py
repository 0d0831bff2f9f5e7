"""Recordings in files: checked when the data are read, decoded when they are prepared.

Plain WAV files (whole numbers of 8, 16, 24 or 32 bits) are read by Python itself; FLAC, Ogg, MP3, AIFF and other forms
of WAV by libsndfile, which the extra `audio` brings.
"""

from __future__ import annotations

import io
import os
import wave
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapsto._imports import require
from mapsto._messages import say, shortened
from mapsto.data.table import Note
from mapsto.data.trees import Tree
from mapsto.errors import DataError, MissingPackage

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au")
MAX_SAMPLES = 400_000_000
"""Numbers in one recording, all channels together: two and a half hours in stereo at 22,050 Hz."""

RATES = (1_000, 768_000)
"""Lowest and highest number of samples a second that is taken for a recording."""

_UNKNOWN_LENGTH = (0, 0x7FFFFFFF, 0xFFFFFFFF)  # what programs that write to a pipe put into the header

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class AudioFile:
    """A recording in a folder or an archive; a `mapsto.data.table.LazyAudio`.

    Attributes:
        name: its path in the tree, which is the row's name.
        tree: where it lies.
        rate: samples a second.
        seconds: its length.
        silent: whether all its samples are the same.
    """

    name: str
    tree: Tree
    rate: int
    seconds: float
    silent: bool = False

    def decode(self) -> tuple[Samples, int]:
        """The samples in [-1, 1], the mean of its channels, shape `(samples,)`, and how many make a second.

        Raises:
            DataError: the file is no longer there, or is damaged.
        """
        return decoded(self.tree.read(self.name), self.name)


def is_audio(path: str) -> bool:
    """Whether a file's suffix is that of a recording."""
    return path.lower().endswith(SUFFIXES)


def look(tree: Tree, paths: Sequence[str]) -> list[AudioFile | DataError]:
    """Decodes every recording once and returns a handle to it, or, in its place, what is wrong with it.

    Raises:
        MissingPackage: a file needs the extra `audio`.
    """
    pieces = [paths[start : start + 64] for start in range(0, len(paths), 64)]
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        looked = pool.map(lambda piece: [_look(tree, path) for path in piece], pieces)
        return [one for piece in looked for one in piece]


def silence_notes(name: str, recordings: Sequence[object]) -> list[Note]:
    """A warning that names recordings in which nothing is heard; they stay, for silence may be a class."""
    silent = [one.name for one in recordings if isinstance(one, AudioFile) and one.silent]
    if not silent:
        return []
    message = say(
        "{silent:,} of {total:,} recordings in {name} are silent: {shown}.",
        silent=len(silent),
        total=len(recordings),
        name=name,
        shown=shortened(silent, 5),
    )
    return [Note("warning", message)]


def decoded(data: bytes, path: str) -> tuple[Samples, int]:
    """The bytes of a file as samples in [-1, 1], shape `(samples,)`, and how many make a second.

    Raises:
        DataError: it is empty, damaged or cut off, or no recording; the message names `path`.
        MissingPackage: it needs the extra `audio`.
    """
    if not data:
        raise DataError(f"{path} is empty.")
    samples, rate = _plain_wave(data, path) or _by_libsndfile(data, path)
    if not RATES[0] <= rate <= RATES[1]:
        raise DataError(f"{path} has {rate:,} samples a second; recordings have {RATES[0]:,} to {RATES[1]:,}.")
    if not len(samples):
        raise DataError(f"{path} holds no sound.")
    if not np.isfinite(samples).all():
        raise DataError(f"{path} holds samples that are no numbers.")
    return samples.mean(axis=1, dtype=np.float32), rate


def _look(tree: Tree, path: str) -> AudioFile | DataError:
    try:
        samples, rate = decoded(tree.read(path), path)
    except DataError as error:
        return error
    return AudioFile(path, tree, rate, len(samples) / rate, silent=bool(samples.min() == samples.max()))


def _plain_wave(data: bytes, path: str) -> tuple[Samples, int] | None:
    """Samples `(samples, channels)` of a WAV file of whole numbers; None if it is none."""
    if data[:4] != b"RIFF":
        return None
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width, rate, count = (
                file.getnchannels(),
                file.getsampwidth(),
                file.getframerate(),
                file.getnframes(),
            )
            raw = file.readframes(min(count, len(data)))
    except EOFError as error:
        raise _broken(path, "it is cut off") from error
    except wave.Error as error:
        if "unknown format" in str(error):
            return None  # floating point, or compressed
        raise _broken(path, str(error)) from error
    except Exception as error:  # a damaged header raises whatever arithmetic with its numbers raises
        raise _broken(path, str(error)) from error
    frame = channels * width
    if width not in (1, 2, 3, 4) or not channels:
        raise _broken(path, f"{width} bytes a sample in {channels} channels")
    found = len(raw) // frame
    if found < count and count * frame not in _UNKNOWN_LENGTH and count * frame + frame <= _UNKNOWN_LENGTH[1]:
        raise _broken(path, f"it is cut off: {found:,} of {count:,} samples are there")
    return _from_bytes(raw[: found * frame], width).reshape(found, channels), rate


def _from_bytes(raw: bytes, width: int) -> Samples:
    """Whole numbers of 1 (unsigned), 2, 3 or 4 bytes, lowest first, as floats in [-1, 1]."""
    if width == 1:
        return (np.frombuffer(raw, np.uint8).astype(np.float32) - 128.0) / 128.0
    if width == 3:
        wide = np.zeros((len(raw) // 3, 4), dtype=np.uint8)
        wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        raw, width = wide.tobytes(), 4
    values = np.frombuffer(raw, f"<i{width}")
    return np.asarray(values / np.float32(2 ** (8 * width - 1)), dtype=np.float32)


def _by_libsndfile(data: bytes, path: str) -> tuple[Samples, int]:
    """Samples `(samples, channels)` of any file that libsndfile knows."""
    try:
        soundfile = require("soundfile", extra="audio", purpose=f"Reading {path}")
    except OSError as error:  # the package is there, the library that it wraps is not
        raise MissingPackage(
            f"Reading {path} needs libsndfile, which cannot be loaded ({error}). Install it (Debian, Ubuntu: apt "
            f"install libsndfile1)."
        ) from error
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if file.frames * file.channels > MAX_SAMPLES:
                raise DataError(f"{path} holds more than {MAX_SAMPLES // 10**6} million samples, more than is read.")
            samples = file.read(dtype="float32", always_2d=True)
            expected, rate = file.frames, int(file.samplerate)
    except DataError:
        raise
    except Exception as error:  # libsndfile and its wrapper raise several kinds of error on damaged files
        raise _broken(path, str(error).removeprefix("Error opening ")) from error
    if 0 < len(samples) < expected < 2**60:
        raise _broken(path, f"it is cut off: {len(samples):,} of {expected:,} samples are there")
    return samples, rate


def _broken(path: str, cause: str) -> DataError:
    return DataError(f"{path} is damaged ({cause.rstrip('.') or 'it cannot be decoded'}).")
