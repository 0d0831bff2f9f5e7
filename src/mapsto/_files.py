"""Files that are whole or not there at all: written to a temporary name, then renamed."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mapsto.errors import DiskFull, RunError

_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENOENT)


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path`; when the block ends well, it is renamed to `path`.

    A reader sees the old file or the new one, never a part. After an error nothing is left behind.

    Raises:
        RunError: the disk is full, or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns the operating system's refusal to write `path` into an error that says how to mend it."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                f"The disk is full: {path} could not be written. Nothing that was there is lost. "
                f"Free some space and go on with `mapsto resume`."
            ) from error
        if error.errno in _REFUSED:
            raise RunError(
                f"{path} cannot be written ({error.strerror}). Choose another folder with `--out`, or change "
                f"the folder's permissions."
            ) from error
        raise


def write_text(path: Path, text: str) -> None:
    """Replaces the file by `text` (UTF-8)."""
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Replaces the file by `value` as JSON; NaN and infinity are refused, so that any reader can parse it."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Reads a JSON file that mapsto wrote.

    Raises:
        RunError: it is not there or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{path} is not there, so {path.parent} is not a finished part of a run.") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise RunError(f"{path} is damaged: {error}. Restore it, or repeat the run in a new folder.") from error
