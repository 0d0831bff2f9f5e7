"""Files fetched from the network: only where the user asks, of a known size, with a checksum, whole or not at all."""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from mapsto._files import explained
from mapsto.errors import DataError

TIMEOUT = 60.0
"""Seconds without an answer after which a download is given up."""

_PIECE = 2**20

logger = logging.getLogger("mapsto")


class Download(NamedTuple):
    """A file on the network.

    Attributes:
        url: its address, http or https.
        size: in bytes; more is never read.
        sha256: hex digest of its content.
        path: where it goes, below the folder of all named sets.
    """

    url: str
    size: int
    sha256: str
    path: str


def fetch(download: Download, root: Path) -> Path:
    """Brings a file to its place below a folder and returns its path; nothing is done where it is there already.

    Raises:
        DataError: it cannot be reached, or is not what it should be; nothing is left behind.
        RunError: the folder cannot be written.
    """
    path = root / download.path
    if path.is_file() and path.stat().st_size == download.size and _digest(path) == download.sha256:
        return path
    if urlsplit(download.url).scheme not in ("http", "https"):
        raise DataError(f"{download.url} is no address of the web (http or https).")
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    logger.info("downloading %s (%.1f MiB)", download.url, download.size / 2**20)
    try:
        with explained(path):
            file = temporary.open("wb")
        with file:
            found = _received(download, file)
        if found != download.sha256:
            raise DataError(
                f"{download.url} is not the file that it was: its SHA-256 is {found}, not {download.sha256}. Nothing "
                f"was kept."
            )
        with explained(path):
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _received(download: Download, file: IO[bytes]) -> str:
    """Writes what comes and returns its digest."""
    digest, size = hashlib.sha256(), 0
    try:
        request = Request(download.url, headers={"User-Agent": "mapsto"})
        with urlopen(request, timeout=TIMEOUT) as answer:
            while data := answer.read(_PIECE):
                size += len(data)
                if size > download.size:
                    raise DataError(f"{download.url} sends more than the {download.size:,} bytes that it should have.")
                digest.update(data)
                file.write(data)
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
        raise DataError(
            f"{download.url} cannot be downloaded ({error}). Try again, or fetch it in another way and put it to "
            f"{download.path} below the folder that MAPSTO_DATA names."
        ) from error
    if size < download.size:
        raise DataError(f"{download.url} ended after {size:,} of {download.size:,} bytes. Try again.")
    return digest.hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
