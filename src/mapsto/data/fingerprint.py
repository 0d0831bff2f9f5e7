"""A digest of what was read, so that prepared data are made once and a run says what it was trained on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

CONTENT_BYTES = 256 * 2**20
"""Up to this size the content is hashed; beyond it, names, sizes and modification times stand for it."""


def of_file(path: str | Path) -> str:
    """Hex digest of a file: its content up to `CONTENT_BYTES`, its size and modification time beyond."""
    with open(path, "rb") as file:  # noqa: PTH123 - called for thousands of files, and pathlib is slow
        status = os.fstat(file.fileno())
        if status.st_size > CONTENT_BYTES:
            return of_text([f"{status.st_size} {status.st_mtime_ns}"])
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_text(lines: Iterable[str]) -> str:
    """Hex digest of lines of text, in their order."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()


def of_arrays(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Hex digest of named arrays: names, types, shapes and values; text is hashed cell by cell."""
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode("utf-8", "surrogateescape"))
        plain = pd.util.hash_array(array) if array.dtype == object else np.ascontiguousarray(array)
        # A buffer cannot hold dates, but their numbers.
        digest.update(plain.view(np.int64).data if plain.dtype.kind == "M" else plain.data)
    return digest.hexdigest()
