"""What all sources of one table a file have in common."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from mapsto.data import fingerprint
from mapsto.data.frames import table_of
from mapsto.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

DAMAGES = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError)
"""What decompressing a damaged file raises."""

OPENERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
"""How a compressed file is opened, by its suffix."""


def check_file(path: Path, what: str) -> None:
    """Refuses a folder and an empty file.

    Raises:
        DataError: it is one.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder, not {what}. Name one of the files in it.")
    if not path.stat().st_size:
        raise DataError(f"{path} is empty.")


@contextmanager
def readable(path: Path, what: str) -> Iterator[None]:
    """Turns whatever reading a damaged file raises into an error that says so."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # each format has errors of its own, and a damaged schema raises many of Python's
        raise DataError(
            f"{path} cannot be read as {what} ({first_line(error)}). If it was downloaded or copied, it is probably "
            f"not whole: fetch it again."
        ) from error


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its kind."""
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].rstrip(".") or type(error).__name__


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, decompressed where its suffix says that they are compressed."""
    with OPENERS.get(path.suffix.lower(), open)(path, "rb") as file:
        yield file


def file_table(frame: pd.DataFrame, path: Path, options: DataOptions, *, target_needed: bool) -> Table:
    """The table of one file's rows, which are called 1, 2, ... in its order."""
    return table_of(
        frame,
        name=path.name,
        options=options,
        target_needed=target_needed,
        row_names=np.arange(1, len(frame) + 1),
        digest=fingerprint.of_file(path),
        folder=path.parent,
    )
