"""Arrays in temporary files that have no name: gone with the last array that uses them."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapsto.errors import RunError

PIECE_ROWS = 1 << 16
"""Rows of a stored column that are worked on at a time, at most."""

_COPIED = 1 << 24  # bytes of a mapped array that are copied to memory rather than to a file


class File:
    """A temporary file without a name."""

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile(prefix="mapsto-")  # noqa: SIM115 - closed by __del__
        self.size = 0

    def __del__(self) -> None:
        self.file.close()  # maps of it stay

    def append(self, data: Any) -> None:
        """Adds bytes at its end.

        Raises:
            RunError: the disk is full, or the folder cannot be written.
        """
        try:
            self.file.write(data)
        except OSError as error:
            raise RunError(
                f"Data that do not fit in `data.memory` could not be written to {tempfile.gettempdir()} "
                f"({error.strerror}). Free some space there, or set the environment variable TMPDIR to another folder."
            ) from error
        self.size += memoryview(data).nbytes

    def mapped(self, dtype: Any, shape: tuple[int, ...], offset: int = 0) -> NDArray[Any]:
        """An array that lies in it, `offset` bytes from its beginning."""
        self.file.flush()
        return np.memmap(self.file, dtype=dtype, mode="r", offset=offset, shape=shape)


def taken(values: Any, rows: NDArray[Any]) -> Any:
    """Rows of a column; many rows of a mapped array are written to a new file instead of copied to memory."""
    if not isinstance(values, np.memmap) or np.size(rows) <= PIECE_ROWS:
        return np.asarray(values[rows]) if isinstance(values, np.memmap) else values[rows]
    index = np.flatnonzero(rows) if rows.dtype == bool else rows
    row_bytes = max(1, values.nbytes // max(1, len(values)))
    step = max(1, min(PIECE_ROWS, _COPIED // row_bytes))
    if len(index) * row_bytes <= _COPIED:
        return np.asarray(values[index])
    file = File()
    for start in range(0, len(index), step):
        file.append(np.ascontiguousarray(values[index[start : start + step]]).view(np.uint8).data)
    return file.mapped(values.dtype, (len(index), *values.shape[1:]))
