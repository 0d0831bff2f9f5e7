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
from typing import IO, Any

from mapsto.errors import DataError

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
