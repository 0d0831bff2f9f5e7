"""Images in a folder for each class, in a folder or a .zip archive."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from mapsto.data import fingerprint
from mapsto.data.frames import table_of
from mapsto.data.images import SUFFIXES, as_objects, is_image, look, without_broken
from mapsto.data.sources import _layout
from mapsto.data.sources.base import Source
from mapsto.data.table import Column, Note
from mapsto.data.trees import FolderTree, Tree, open_tree
from mapsto.errors import DataError

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions


class Images(Source):
    """A folder (or .zip archive) with a folder for each class; to predict, images may lie anywhere in it.

    Folders called train, validation (val, valid, dev) and test at the top give the parts. Images are gray if all of
    them are, else all are read in color. Rows are called by the images' paths.
    """

    reads: ClassVar[str] = "images in a folder for each class (a folder or .zip)"
    priority: ClassVar[int] = -1  # any folder that no other source knows is taken for one of images

    def accepts(self, source: Any) -> bool:
        return isinstance(source, Path) and (
            source.is_dir() or source.suffix.lower() == ".zip" or is_image(source.name)
        )

    def read(self, source: Path, options: DataOptions, *, target_needed: bool) -> Table:
        tree, digest = _opened(source)
        paths = _layout.image_paths(tree.paths)
        if not paths:
            raise DataError(_no_images(source, tree))
        found = _layout.by_class(paths)
        notes = _layout.unsafe_notes(tree)
        if target_needed:
            found, left_out = _with_class(found, source)
            notes += left_out
        looked = look(tree, [one.path for one in found])
        whole, broken = without_broken(tree.name, looked)
        kept = [one for one, good in zip(found, whole, strict=True) if good]
        if target_needed:
            _check_classes(kept, source)
        return table_of(
            _classes(kept),
            name=source.name,
            options=options,
            target_needed=target_needed,
            target="class" if all(one.label for one in kept) else None,
            ready={"image": Column("image", "image", as_objects(looked))},
            kinds={"class": "category"},
            given_parts=_layout.as_parts([one.part for one in kept]),
            row_names=np.array([one.path for one in kept], dtype=object),
            digest=digest,
            notes=[*notes, *broken],
        )


def _opened(source: Path) -> tuple[Tree, str]:
    """The tree of a folder or an archive, or that of a single image, and its fingerprint."""
    if source.is_dir() or source.suffix.lower() == ".zip":
        tree = open_tree(source)
        return tree, tree.fingerprint()
    return FolderTree(source.parent, only=(source.name,)), fingerprint.of_file(source)


def _classes(found: list[_layout.Labelled]) -> pd.DataFrame:
    """The column of classes, where every image has one."""
    labels = [one.label for one in found]
    return pd.DataFrame({"class": labels} if all(labels) else {}, index=pd.RangeIndex(len(labels)))


def _with_class(found: list[_layout.Labelled], source: Path) -> tuple[list[_layout.Labelled], list[Note]]:
    """The images that lie in the folder of a class, and a warning about the others."""
    labelled = [one for one in found if one.label]
    others = [one.path for one in found if not one.label]
    if not labelled:
        raise DataError(
            f"{source} has no folder for each class: its {len(found):,} images lie side by side ({others[0]}). Put the "
            f"images of each class into a folder that is called as the class is."
        )
    if not others:
        return labelled, []
    shown = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
    return labelled, [Note("warning", f"{len(others):,} images lie in no class's folder and were left out: {shown}")]


def _check_classes(kept: list[_layout.Labelled], source: Path) -> None:
    counts = Counter(one.label for one in kept)
    if len(counts) < 2:
        raise DataError(
            f'{source} has images of one class only ("{kept[0].label}", {len(kept):,} images). There is nothing to '
            f"tell apart: put the images of each class into a folder of its own, at least two."
        )


def _no_images(source: Path, tree: Tree) -> str:
    """What is there instead."""
    suffixes = Counter(Path(path).suffix.lower() or "no suffix" for path in tree.paths)
    held = ", ".join(f"{count:,} of {suffix}" for suffix, count in suffixes.most_common(5))
    tables = [path for path in tree.paths if path.lower().endswith((".csv", ".csv.gz", ".parquet", ".npz"))]
    hint = f" To read a table, name the file itself: {source / tables[0]}." if tables else ""
    return f"{source} holds no images ({', '.join(SUFFIXES)}). Files in it: {held or 'none'}.{hint}"
