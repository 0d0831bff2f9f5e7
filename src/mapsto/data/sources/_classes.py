"""Files whose class is told by where they lie or by what they are called: what images, recordings and texts share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import listing, say
from mapsto.data import fingerprint
from mapsto.data.frames import table_of
from mapsto.data.images import as_objects, is_image, without_broken
from mapsto.data.sources import _layout
from mapsto.data.table import Column, Kind, Note
from mapsto.data.tars import MemoryTree, is_tar
from mapsto.data.trees import FolderTree, Tree, open_tree
from mapsto.errors import DataError

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

_TABLES = (".csv", ".csv.gz", ".tsv", ".jsonl", ".parquet", ".npz")


@dataclass(frozen=True)
class Files:
    """One sort of file, and how it becomes a column.

    Attributes:
        kind: of the column, and its name.
        what: what the files are called in messages, plural.
        suffixes: of such files, in lower case.
        look: checks files and returns a handle to each, or what is wrong with it in its place.
        remarks: notes about what was looked at.
        skipped: name of folders whose files have no class.
    """

    kind: Kind
    what: str
    suffixes: tuple[str, ...]
    look: Callable[[Tree, Sequence[str]], Sequence[Any]]
    remarks: Callable[[str, Sequence[Any]], list[Note]] = lambda name, looked: []
    skipped: str = ""

    def among(self, paths: Sequence[str]) -> list[str]:
        """Those paths that are of this sort by their suffix, outside of skipped folders."""
        suited = (path for path in paths if path.lower().endswith(self.suffixes))
        return [path for path in suited if not self.skipped or self.skipped not in path.split("/")[:-1]]


def table_of_files(source: Path, files: Files, options: DataOptions, *, target_needed: bool) -> Table:
    """The files below a folder, in a .zip archive, or one alone, with their classes and parts.

    Raises:
        DataError: there are none, none has a class, there is one class only, or too many are broken.
    """
    tree = _opened(source, files)
    paths = files.among(tree.paths)
    if not paths:
        raise DataError(_none(source, tree, files))
    found = _layout.by_class(paths, options.label_pattern)
    notes = _layout.unsafe_notes(tree)
    if target_needed:
        found, left_out = _with_class(found, source, files, options)
        notes += left_out
    looked = files.look(tree, [one.path for one in found])
    whole, broken = without_broken(tree.name, looked, files.what)
    kept = [one for one, good in zip(found, whole, strict=True) if good]
    if target_needed:
        _check_classes(kept, source, files)
    return table_of(
        _classes(kept),
        name=source.name,
        options=options,
        target_needed=target_needed,
        target="class" if all(one.label for one in kept) else None,
        ready={files.kind: Column(files.kind, files.kind, as_objects(looked))},
        kinds={"class": "category"},
        given_parts=_layout.as_parts([one.part for one in kept]),
        row_names=np.array([one.path for one in kept], dtype=object),
        digest=fingerprint.of_text([tree.fingerprint(), options.label_pattern or ""]),
        notes=[*notes, *broken, *files.remarks(tree.name, looked)],
    )


def holds(source: Any, files: Files) -> bool:
    """Whether a path is such a file, or a folder or .zip archive whose first entries are, and no images."""
    if not isinstance(source, Path):
        return False
    if not source.is_dir() and source.suffix.lower() != ".zip":
        return source.name.lower().endswith(files.suffixes)
    names = _layout.first_names(source)
    return any(map(is_image, names)) < any(name.lower().endswith(files.suffixes) for name in names)


def _opened(source: Path, files: Files) -> Tree:
    """The tree of a folder or an archive, or that of a single file."""
    if is_tar(source):
        return MemoryTree(source, lambda path: bool(files.among([path])))
    if source.is_dir() or source.suffix.lower() == ".zip":
        return open_tree(source)
    return FolderTree(source.parent, only=(source.name,))


def _classes(found: list[_layout.Labelled]) -> pd.DataFrame:
    """The column of classes, where every file has one."""
    labels: NDArray[Any] = np.array([one.label for one in found], dtype=object)
    return pd.DataFrame({"class": labels} if all(labels) else {}, index=pd.RangeIndex(len(labels)))


def _with_class(
    found: list[_layout.Labelled], source: Path, files: Files, options: DataOptions
) -> tuple[list[_layout.Labelled], list[Note]]:
    """The files that have a class, and a warning about the others."""
    labelled = [one for one in found if one.label]
    others = [one.path for one in found if not one.label]
    if not labelled and options.label_pattern is not None:
        raise DataError(
            f"`data.label_pattern` ({options.label_pattern}) finds no label in any of the {len(found):,} paths in "
            f"{source}, such as {others[0]}."
        )
    if not labelled:
        raise DataError(
            f"{source} has no folder for each class: its {len(found):,} {files.what} lie side by side ({others[0]}). "
            f"Put the {files.what} of each class into a folder that is called as the class is; or, where their names "
            f"tell the class, set `data.label_pattern`, such as '(?P<label>[^/_]+)_[^/]*$' for the part before the "
            f"first underscore."
        )
    if not others:
        return labelled, []
    message = say(
        "{files:,} {what} lie in no class's folder and were left out: {shown}"
        if options.label_pattern is None
        else "{files:,} {what} have no label by `data.label_pattern` and were left out: {shown}",
        files=len(others),
        what=files.what,
        shown=listing([*others[:3], *(["..."] if len(others) > 3 else [])]),
    )
    return labelled, [Note("warning", message)]


def _check_classes(kept: list[_layout.Labelled], source: Path, files: Files) -> None:
    counts = Counter(one.label for one in kept)
    if len(counts) < 2:
        raise DataError(
            f'{source} has {files.what} of one class only ("{kept[0].label}", {len(kept):,} {files.what}). There is '
            f"nothing to tell apart: put the {files.what} of each class into a folder of its own, at least two."
        )


def _none(source: Path, tree: Tree, files: Files) -> str:
    """What is there instead."""
    suffixes = Counter(Path(path).suffix.lower() or "no suffix" for path in tree.paths)
    held = ", ".join(f"{count:,} of {suffix}" for suffix, count in suffixes.most_common(5))
    tables = [path for path in tree.paths if path.lower().endswith(_TABLES)]
    hint = f" To read a table, name the file itself: {source / tables[0]}." if tables else ""
    return f"{source} holds no {files.what} ({', '.join(files.suffixes)}). Files in it: {held or 'none'}.{hint}"
