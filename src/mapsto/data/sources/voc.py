"""Images with an XML file for each that says which objects are where, as Pascal VOC has them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from mapsto._messages import say
from mapsto.data.frames import table_of
from mapsto.data.given_parts import PART_WORDS
from mapsto.data.images import as_objects, is_image, look, without_broken
from mapsto.data.sources import _layout
from mapsto.data.sources.base import Source
from mapsto.data.table import Column, Note
from mapsto.data.trees import Tree, folders, open_tree
from mapsto.errors import DataError

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

MAX_BYTES = 4 * 2**20
"""An annotation larger than this is refused."""

MAX_CLASSES = 1000
_IMAGES, _ANNOTATIONS, _SETS, _MASKS = "jpegimages", "annotations", "main", "segmentationclass"


class VOC(Source):
    """A folder (or .zip archive) with `JPEGImages/`, `Annotations/` and, where the parts are given, `ImageSets/Main/`.

    A table of images with a column for each class of object, which says whether the image shows one: `yes` or `no`.
    Any of them can be predicted (`--target`). Rows are called by the images' paths.
    """

    reads: ClassVar[str] = "Pascal VOC (a folder or .zip with JPEGImages/ and Annotations/ of .xml)"
    priority: ClassVar[int] = 2  # to others its annotations are folders of masks

    def accepts(self, source: Any) -> bool:
        if not isinstance(source, Path) or not (source.is_dir() or source.suffix.lower() == ".zip"):
            return False
        names = {parts[-1].casefold() for parts in folders(source)}
        return {_IMAGES, _ANNOTATIONS} <= names and _MASKS not in names

    def read(self, source: Path, options: DataOptions, *, target_needed: bool) -> Table:
        tree = open_tree(source)
        annotations = {_stem(path): path for path in tree.paths if path.lower().endswith(".xml")}
        paths = [path for path in tree.paths if is_image(path) and _folder(path) == _IMAGES]
        described = [path for path in paths if _stem(path) in annotations or not target_needed]
        if not described:
            raise DataError(
                f"{source} has no image with an annotation: {len(paths):,} images, {len(annotations):,} .xml."
            )
        looked = look(tree, described)
        whole, notes = without_broken(source.name, looked)
        kept = [path for path, good in zip(described, whole, strict=True) if good]
        counts = [_objects(tree, annotations[_stem(path)]) if _stem(path) in annotations else None for path in kept]
        parts = _parts(tree)
        return table_of(
            _frame(counts, source),
            name=source.name,
            options=options,
            target_needed=target_needed,
            ready={"image": Column("image", "image", as_objects(looked))},
            given_parts=_layout.as_parts([parts.get(_stem(path), "") for path in kept]),
            row_names=np.array(kept, dtype=object),
            digest=tree.fingerprint(),
            notes=[*_layout.unsafe_notes(tree), *_lonely(len(paths) - len(described), source), *notes],
        )


def _stem(path: str) -> str:
    return path.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def _folder(path: str) -> str:
    return path.rpartition("/")[0].rpartition("/")[2].casefold()


def _objects(tree: Tree, path: str) -> Counter[str]:
    """How many objects of each class one annotation names."""
    data = tree.read(path)
    if len(data) > MAX_BYTES or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise DataError(f"{path} is larger than {MAX_BYTES // 2**20} MiB or declares a document type; it is not read.")
    try:
        root = ET.fromstring(data)
    except ET.ParseError as error:
        raise DataError(f"{path} is not XML ({error}).") from error
    return Counter((entry.findtext("name") or "").strip() or "?" for entry in root.iter("object"))


def _frame(counts: list[Counter[str] | None], source: Path) -> pd.DataFrame:
    """A column a class, `yes` where the image shows one."""
    names = sorted({name for each in counts if each is not None for name in each})
    if len(names) > MAX_CLASSES:
        raise DataError(f"{source} names {len(names):,} classes of objects, more than {MAX_CLASSES:,}.")
    held = {
        name: np.array([None if each is None else "yes" if each[name] else "no" for each in counts], dtype=object)
        for name in names
    }
    return pd.DataFrame(held, index=pd.RangeIndex(len(counts)))


def _parts(tree: Tree) -> dict[str, str]:
    """The part of each image that `ImageSets/Main/train.txt`, `val.txt` and `test.txt` name."""
    found: dict[str, str] = {}
    for path in tree.paths:
        part = PART_WORDS.get(_stem(path).casefold())
        if part is not None and path.lower().endswith(".txt") and _folder(path) == _SETS:
            found |= {
                line.split()[0]: part
                for line in tree.read(path).decode("utf-8", "replace").splitlines()
                if line.strip()
            }
    return found


def _lonely(count: int, source: Path) -> list[Note]:
    message = say("{images:,} images in {name} have no annotation; left out.", images=count, name=source.name)
    return [Note("warning", message)] if count else []
