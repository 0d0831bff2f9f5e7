"""Columns that name files of images or recordings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data import audio, images
from mapsto.data.table import Kind, Note
from mapsto.data.trees import FolderTree, is_inside
from mapsto.errors import DataError

_FILES_LOOKED_FOR = 20


@dataclass(frozen=True)
class Files:
    """What the files of a column are.

    Attributes:
        handles: to an image or recording each; None where there is none, or a broken one.
        lines: one a file, to be part of the fingerprint.
        notes: what was noticed.
    """

    handles: NDArray[Any]
    lines: list[str]
    notes: list[Note]


def files_of(name: str, words: NDArray[Any], kind: Kind, folder: Path) -> Files:
    """The images or recordings whose files a column names.

    Args:
        name: of the column.
        words: paths, and None where there is none.
        kind: image, mask or audio.
        folder: where relative paths start.
    """
    tree = FolderTree(folder, only=())
    rows = np.flatnonzero(~np.asarray(pd.isna(words), dtype=bool))
    paths = [str(words[row]) for row in rows]
    inside = [path for path in paths if is_inside(path)]
    looked = audio.look(tree, inside) if kind == "audio" else images.look(tree, inside, mask=kind == "mask")
    handles = iter(looked)
    found = [next(handles) if is_inside(path) else _leads_out(path, folder) for path in paths]
    where, what = f'column "{name}"', say("recordings" if kind == "audio" else "images")
    whole, notes = images.without_broken(where, found, what)
    notes += audio.silence_notes(where, looked) if kind == "audio" else []
    values = np.empty(len(words), dtype=object)
    lines = []
    for row, handle, good in zip(rows, found, whole, strict=True):
        if good and not isinstance(handle, DataError):
            values[row] = handle
            status = (folder / handle.name).stat()
            lines.append(f"{handle.name} {status.st_size} {status.st_mtime_ns}")
    return Files(values, lines, [replace(note, column=name) for note in notes])


def file_kind(texts: NDArray[Any], folder: Path) -> Literal["image", "audio"] | None:
    """Whether texts name files of images or of recordings: all by their suffix, and some of them are there.

    Args:
        texts: those that are there, object of str.
        folder: where relative paths start.
    """
    if not len(texts):
        return None
    for kind, is_such in (("image", images.is_image), ("audio", audio.is_audio)):
        if all(isinstance(text, str) and is_such(text) for text in texts):
            sample = texts[:: max(1, len(texts) // _FILES_LOOKED_FOR)]
            there = any(_is_file(folder, path) for path in sample if is_inside(path))
            return kind if there else None  # type: ignore[return-value]
    return None


def _is_file(folder: Path, path: str) -> bool:
    try:
        return (folder / path).is_file()
    except (OSError, ValueError):  # a name too long, or with a zero byte in it
        return False


def _leads_out(path: str, folder: Path) -> DataError:
    return DataError(f"{path} leads out of {folder}, where the table lies. Give its absolute path.")
