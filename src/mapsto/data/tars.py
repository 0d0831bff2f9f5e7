"""Files in .tar archives: plain ones read in place, compressed ones through memory; nothing is ever extracted."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path

from mapsto.data import fingerprint
from mapsto.data.trees import MAX_FILE_BYTES, MAX_FILES, Tree
from mapsto.errors import DataError

MAX_MEMORY = 2**30
"""Files of a compressed archive that are larger together are refused: they are all held in memory."""


class TarTree(Tree):
    """The files of plain .tar archives, `archive.tar/path` each; only headers are read until a file is asked for.

    Safe to read from several threads and after a fork.

    Raises:
        DataError: one cannot be read, is compressed, or they hold more than `MAX_FILES` files.
    """

    def __init__(self, archives: Sequence[Path]) -> None:
        self.name = archives[0].name if len(archives) == 1 else f"{archives[0].name} and {len(archives) - 1:,} more"
        self._archives = tuple(archives)
        self._places: dict[str, tuple[Path, int, int]] = {}
        for archive in archives:
            with _opened(archive, "r:") as file:
                for member in file:
                    if member.isreg():
                        self._places[f"{archive.name}/{member.name}"] = (archive, member.offset_data, member.size)
            if len(self._places) > MAX_FILES:
                raise DataError(f"{self.name} hold more than {MAX_FILES:,} files, the most that is read from archives.")
        self.paths = tuple(sorted(self._places))

    def read(self, path: str) -> bytes:
        size = self._places[path][2]
        if size > MAX_FILE_BYTES:
            raise DataError(f"{path} has {size / 2**20:,.0f} MiB, more than {MAX_FILE_BYTES // 2**20} MiB.")
        return self.head(path, size)

    def head(self, path: str, size: int) -> bytes:
        archive, offset, length = self._places[path]
        try:
            with archive.open("rb") as file:
                file.seek(offset)
                data = file.read(min(size, length))
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}).") from error
        if len(data) < min(size, length):
            raise DataError(f"{path} is cut off: {archive} is not whole.")
        return data

    def fingerprint(self) -> str:
        return fingerprint.of_text(f"{archive.name} {fingerprint.of_file(archive)}" for archive in self._archives)


class MemoryTree(Tree):
    """Files of a .tar archive, compressed or not, that are wanted; their contents are held in memory.

    Args:
        archive: where they are.
        wanted: whether a path is.

    Raises:
        DataError: it cannot be read, or the files are larger than `MAX_MEMORY` together.
    """

    def __init__(self, archive: Path, wanted: Callable[[str], bool]) -> None:
        self.name, self._archive, self._contents = archive.name, archive, dict[str, bytes]()
        size = 0
        with _opened(archive, "r:*") as file:
            for member in file:
                if not member.isreg() or not wanted(member.name):
                    continue
                size += member.size
                if size > MAX_MEMORY or len(self._contents) >= MAX_FILES:
                    raise DataError(f"{archive} holds more than {MAX_MEMORY // 2**20:,} MiB. Unpack it first.")
                content = file.extractfile(member)
                assert content is not None  # a regular file
                self._contents[member.name.removeprefix("./")] = content.read()
        self.paths = tuple(sorted(self._contents))

    def read(self, path: str) -> bytes:
        return self._contents[path]

    def fingerprint(self) -> str:
        return fingerprint.of_file(self._archive)


def is_tar(path: Path) -> bool:
    """Whether a file is a .tar archive by its name, compressed or not."""
    return path.name.lower().endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"))


@contextmanager
def _opened(archive: Path, mode: str) -> Iterator[tarfile.TarFile]:
    """The archive, whatever is wrong with it told as a `DataError`."""
    try:
        with tarfile.open(archive, mode) as file:  # type: ignore[call-overload]
            yield file
    except (tarfile.TarError, OSError, EOFError, zlib.error, LZMAError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{archive} cannot be read as a .tar archive ({str(error).rstrip('.')}). If it was downloaded or copied, "
            f"it is probably not whole: fetch it again. Shards must not be compressed."
        ) from error
