"""CIFAR-10 and CIFAR-100 as they are distributed (https://www.cs.toronto.edu/~kriz/cifar.html).

The binary version holds records of one label (CIFAR-100: coarse, then fine) and 3,072 bytes: 32 × 32 pixels, all
red, then green, then blue. The Python version holds pickles, which are never loaded; see `_pickles`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.data.sources import _arrays
from mapsto.data.sources._pickles import literals
from mapsto.data.sources.base import Source
from mapsto.data.tars import MemoryTree
from mapsto.data.trees import FolderTree, Tree
from mapsto.errors import DataError

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

_PIXELS = 3 * 32 * 32
_FOLDERS = (".", "cifar-10-batches-bin", "cifar-10-batches-py", "cifar-100-binary", "cifar-100-python")
_ARCHIVE = re.compile(r"cifar-100?-(binary|python)\.(tar\.gz|tgz|tar)", re.IGNORECASE)
_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
_FORMS: tuple[tuple[tuple[str, ...], str, str, int], ...] = (  # training files, test file, names, bytes before pixels
    (tuple(f"{name}.bin" for name in _BATCHES), "test_batch.bin", "batches.meta.txt", 1),
    (_BATCHES, "test_batch", "batches.meta", 0),
    (("train.bin",), "test.bin", "fine_label_names.txt", 2),
    (("train",), "test", "meta", 0),
)

Labelled = tuple[NDArray[np.uint8], NDArray[np.int64]]


class Cifar(Source):
    """The folder or the .tar.gz archive of CIFAR-10 or CIFAR-100, in its binary or its Python version.

    Classes are the fine ones, by name where the file of names is there. The parts are those of the set.
    """

    reads: ClassVar[str] = "CIFAR (cifar-10-batches-bin, cifar-100-python and so on, or their .tar.gz)"
    priority: ClassVar[int] = 2  # an archive of it is one of texts to others

    def accepts(self, source: Any) -> bool:
        if not isinstance(source, Path):
            return False
        return _folder(source) is not None if source.is_dir() else _ARCHIVE.fullmatch(source.name) is not None

    def read(self, source: Path, options: DataOptions, *, target_needed: bool) -> Table:
        tree = _tree(source)
        files = {path.rsplit("/", 1)[-1]: path for path in tree.paths}
        train, test, names, skipped = _form(files, source)
        held = [name for name in (*train, test) if name in files]
        parts = [_records(tree.read(files[name]), skipped, f"{source}: {name}") for name in held]
        classes = _names(tree.read(files[names]), skipped > 0) if names in files else []
        pixels = np.concatenate([images for images, _ in parts])
        labels = np.concatenate([found for _, found in parts])
        if len(classes) and labels.max(initial=0) >= len(classes):
            raise DataError(f"{source} has a label {labels.max()}, but {names} names {len(classes)} classes only.")
        words = np.array(classes, dtype=object)[labels] if len(classes) else labels
        given = np.concatenate(
            [
                np.full(len(found), "test" if name == test else "train")
                for name, (_, found) in zip(held, parts, strict=True)
            ]
        )
        return _arrays.to_table(
            _arrays.Arrays(pixels, words, given),
            name=source.name,
            options=options,
            target_needed=target_needed,
            digest=tree.fingerprint(),
        )


def _folder(source: Path) -> Path | None:
    """The folder with the files, which may be one below."""
    for below in _FOLDERS:
        folder = source / below
        for train, test, names, skipped in _FORMS:
            needed = (train[0], test) if skipped else (train[0], test, names)  # `train` and `test` alone say nothing
            if all((folder / name).is_file() for name in needed):
                return folder
    return None


def _tree(source: Path) -> Tree:
    if not source.is_dir():
        return MemoryTree(source, lambda path: True)
    folder = _folder(source)
    assert folder is not None  # `accepts` found it
    names = {name for train, test, meta, _ in _FORMS for name in (*train, test, meta)}
    return FolderTree(folder, only=sorted(name for name in names if (folder / name).is_file()))


def _form(files: dict[str, str], source: Path) -> tuple[tuple[str, ...], str, str, int]:
    for form in _FORMS:
        if form[0][0] in files:
            missing = [name for name in form[0] if name not in files]
            if missing:
                raise DataError(f"{source} is not whole: {', '.join(missing)} is not there.")
            return form
    raise DataError(f"{source} holds none of the files of CIFAR, such as {_FORMS[0][0][0]} or {_FORMS[2][0][0]}.")


def _records(data: bytes, skipped: int, where: str) -> Labelled:
    """Pixels `(rows, 32, 32, 3)` and labels of one file; `skipped` is 0 for a pickle."""
    if not skipped:
        pixels, labels = _pickled(data, where)
    else:
        if not data or len(data) % (_PIXELS + skipped):
            raise DataError(f"{where} has {len(data):,} bytes, no multiple of {_PIXELS + skipped:,}. Fetch it again.")
        records = np.frombuffer(data, np.uint8).reshape(-1, _PIXELS + skipped)
        pixels, labels = records[:, skipped:], records[:, skipped - 1].astype(np.int64)
    return np.ascontiguousarray(np.moveaxis(pixels.reshape(-1, 3, 32, 32), 1, -1)), labels


def _pickled(data: bytes, where: str) -> Labelled:
    """Pixels `(rows, 3072)` and fine labels of a pickled batch: its one long text, and what follows the key."""
    longest, labels, key = b"", list[int](), b""
    try:
        for literal in literals(data):
            if isinstance(literal, bytes):
                longest, key = max(longest, literal, key=len), literal
            elif key in (b"labels", b"fine_labels"):
                labels.append(literal)
    except ValueError as error:
        raise DataError(f"{where} is damaged ({error}). Fetch it again.") from error
    if not labels or len(longest) != _PIXELS * len(labels):
        raise DataError(f"{where} holds {len(labels):,} labels, but {len(longest):,} bytes of pixels. Fetch it again.")
    return np.frombuffer(longest, np.uint8).reshape(-1, _PIXELS), np.array(labels, dtype=np.int64)


def _names(data: bytes, plain: bool) -> Sequence[str]:
    """The classes' names in their order: lines of text, or what follows the key in a pickle."""
    if plain:
        return [line.strip() for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
    found: list[str] = []
    inside = False
    for literal in literals(data):
        if not isinstance(literal, bytes):
            if inside:
                found.pop()  # the key of this number
            inside = False
        elif literal.endswith(b"label_names"):
            inside = literal in (b"label_names", b"fine_label_names")
        elif inside:
            found.append(literal.decode("utf-8", "replace"))
    return found
