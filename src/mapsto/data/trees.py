"""Files under one roof: a folder or a .zip archive, read in place.

Nothing is ever extracted, so a member called `../../etc/passwd` can do no harm; it is left out all the same.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from mapsto.data import fingerprint
from mapsto.errors import DataError

MAX_FILES = 2_000_000
"""A folder or an archive with more entries than this is refused."""

MAX_FILE_BYTES = 512 * 2**20
"""One file larger than this, uncompressed, is refused."""

_HASHED_FILES = 20_000
"""Folders of more files than this are known by names, sizes and times: opening each file would take too long."""


class Tree(ABC):
    """The files below a folder or in an archive.

    Attributes:
        name: of the folder or the archive, for messages.
        paths: of its files, relative, with `/`, sorted; hidden files and what operating systems leave are not there.
        unsafe: number of members left out because their names point outside the archive.
    """

    name: str
    paths: tuple[str, ...]
    unsafe: int = 0
    is_hashed: bool = False
    """Whether the digests of single files make the fingerprint."""

    @abstractmethod
    def read(self, path: str) -> bytes:
        """The content of one of `paths`.

        Raises:
            DataError: it cannot be read, or is larger than `MAX_FILE_BYTES`.
        """

    def head(self, path: str, size: int) -> bytes:
        """Up to `size` bytes from the start of one of `paths`.

        Raises:
            DataError: it cannot be read.
        """
        return self.read(path)[:size]

    @cached_property
    def digests(self) -> dict[str, str]:
        """Of files that were read whole already, so that `fingerprint` need not read them again."""
        return {}

    @abstractmethod
    def fingerprint(self) -> str:
        """Hex digest of all contents, or of what stands for them where they are large."""


class FolderTree(Tree):
    """The files below a folder; links to folders are followed, each folder once.

    Args:
        folder: where to look.
        only: relative paths of the files that are meant, which need not be there; all, without it.
    """

    def __init__(self, folder: Path, *, only: Sequence[str] | None = None) -> None:
        self.name = folder.name or str(folder)
        self.folder = folder
        self._files = _walk(folder) if only is None else {}
        self.paths = tuple(sorted(self._files)) if only is None else tuple(only)
        self.is_hashed = (
            len(self._files) <= _HASHED_FILES
            and sum(status.st_size for status in self._files.values()) <= fingerprint.CONTENT_BYTES
        )

    def read(self, path: str) -> bytes:
        file = self.folder / path
        try:
            _check_bytes(path, file.stat().st_size)
            return file.read_bytes()
        except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
            raise DataError(f"{file} cannot be read ({getattr(error, 'strerror', None) or error}).") from error

    def head(self, path: str, size: int) -> bytes:
        try:
            with (self.folder / path).open("rb") as file:
                return file.read(size)
        except OSError as error:
            raise DataError(f"{self.folder / path} cannot be read ({error.strerror}).") from error

    def fingerprint(self) -> str:
        if not self.is_hashed:
            known = ((path, self._status(path)) for path in self.paths)
            return fingerprint.of_text(f"{path} {status.st_size} {status.st_mtime_ns}" for path, status in known)
        return fingerprint.of_text(
            f"{path} {self.digests.get(path) or fingerprint.of_file(self.folder / path)}" for path in self.paths
        )

    def _status(self, path: str) -> os.stat_result:
        return self._files.get(path) or (self.folder / path).stat()


class ZipTree(Tree):
    """The files of a .zip archive, read in place; safe to read from several threads and after a fork.

    Raises:
        DataError: it is not a .zip archive, or has more than `MAX_FILES` members.
    """

    def __init__(self, archive: Path) -> None:
        self.name = archive.name
        self.archive = archive
        self._handle: tuple[int, zipfile.ZipFile] | None = None
        members = self._opened().infolist()
        if len(members) > MAX_FILES:
            raise DataError(f"{archive} holds {len(members):,} files; at most {MAX_FILES:,} are read from one archive.")
        files = {member.filename: member for member in members if not member.is_dir()}
        safe = {path: member for path, member in files.items() if _is_safe(path)}
        self._members = {path: member for path, member in safe.items() if not _is_hidden(path)}
        self.unsafe = len(files) - len(safe)
        self.paths = tuple(sorted(self._members))

    def read(self, path: str) -> bytes:
        member = self._members[path]
        _check_bytes(path, member.file_size)
        try:
            return self._opened().read(member)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as error:
            # RuntimeError: encrypted, or (NotImplementedError) compressed in a way that Python does not know.
            raise DataError(f"{path} in {self.archive} cannot be read: {error}.") from error

    def fingerprint(self) -> str:
        if self.archive.stat().st_size <= fingerprint.CONTENT_BYTES:
            return fingerprint.of_file(self.archive)
        known = ((path, self._members[path]) for path in self.paths)  # the checksums stand for the contents
        return fingerprint.of_text(f"{path} {member.file_size} {member.CRC:08x}" for path, member in known)

    def _opened(self) -> zipfile.ZipFile:
        """The archive's handle, one a process: a forked child that shared it would move its parent's position."""
        if self._handle is None or self._handle[0] != os.getpid():
            try:
                self._handle = (os.getpid(), zipfile.ZipFile(self.archive))
            except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
                raise DataError(
                    f"{self.archive} cannot be read as a .zip archive ({error}). If it was downloaded or copied, it is "
                    f"probably not whole: fetch it again."
                ) from error
        return self._handle[1]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_handle": None}


def open_tree(path: Path) -> Tree:
    """The files of a folder or a .zip archive.

    Raises:
        DataError: it cannot be listed, or holds too many files.
    """
    return FolderTree(path) if path.is_dir() else ZipTree(path)


def folders(path: Path, depth: int = 4) -> set[tuple[str, ...]]:
    """The folders in a folder or a .zip archive, down to `depth` levels, each as the tuple of its names."""
    if path.is_dir():
        found: set[tuple[str, ...]] = set()
        _add_folders(path, (), depth, found)
        return found
    parents = {PurePosixPath(file).parent.parts for file in ZipTree(path).paths}
    return {parts[:level] for parts in parents for level in range(1, min(len(parts), depth) + 1)}


def _add_folders(folder: Path, parts: tuple[str, ...], depth: int, found: set[tuple[str, ...]]) -> None:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir() and not _is_hidden(entry.name)]
    except OSError as error:
        raise DataError(f"The folder {folder} cannot be listed ({error.strerror}).") from error
    for name in names:
        found.add((*parts, name))
        if depth > 1:
            _add_folders(folder / name, (*parts, name), depth - 1, found)


def _walk(folder: Path) -> dict[str, os.stat_result]:
    """Every ordinary file below the folder, by its relative path."""
    files: dict[str, os.stat_result] = {}
    seen: set[tuple[int, int]] = set()
    waiting = [("", folder)]
    while waiting:
        prefix, here = waiting.pop()
        try:
            status = here.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue  # a link that leads back to where we have been
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(here) as entries:
                for entry in entries:
                    if _is_hidden(entry.name):
                        continue
                    if entry.is_dir():
                        waiting.append((f"{prefix}{entry.name}/", here / entry.name))
                    elif entry.is_file():
                        files[prefix + entry.name] = entry.stat()
        except OSError as error:
            raise DataError(f"The folder {here} cannot be listed ({error.strerror}).") from error
        if len(files) > MAX_FILES:
            raise DataError(
                f"{folder} holds more than {MAX_FILES:,} files, which is the most that is read from one folder."
            )
    return files


def _is_hidden(path: str) -> bool:
    """Whether it is what operating systems and editors leave about: `.DS_Store`, `__MACOSX/`, `Thumbs.db`."""
    return any(part.startswith((".", "__MACOSX")) or part in ("Thumbs.db", "desktop.ini") for part in path.split("/"))


def is_inside(path: str) -> bool:
    """Whether a path that a user's table names is absolute, which the user answers for, or stays in its folder."""
    return Path(path).is_absolute() or _is_safe(path)


def _is_safe(path: str) -> bool:
    """Whether an archive member's name stays inside the archive."""
    return (
        not path.startswith(("/", "\\"))
        and ":" not in path.split("/")[0]
        and ".." not in path.replace("\\", "/").split("/")
    )


def _check_bytes(path: str, size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise DataError(
            f"{path} has {size / 2**20:,.0f} MiB uncompressed; files of more than {MAX_FILE_BYTES // 2**20} MiB are "
            f"not read."
        )
