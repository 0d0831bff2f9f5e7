"""ImageNet as the ILSVRC challenges lay it out (https://www.image-net.org/challenges/LSVRC/2012)."""

from __future__ import annotations

import csv
import os
import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from mapsto._messages import listing, say
from mapsto.data.frames import table_of
from mapsto.data.images import as_objects, is_image, look, without_broken
from mapsto.data.sources import _layout
from mapsto.data.sources.base import Source
from mapsto.data.table import Column, Note
from mapsto.data.trees import FolderTree
from mapsto.errors import DataError

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

_ROOTS = (".", "Data/CLS-LOC", "ILSVRC/Data/CLS-LOC")
_WORDNET = re.compile(r"n\d{8}")
_TRUTH, _META = "ILSVRC2012_validation_ground_truth.txt", "meta.mat"
_SOLUTION, _SYNSETS = "LOC_val_solution.csv", "LOC_synset_mapping.txt"
_DEVKITS = (".", "data", "ILSVRC2012_devkit_t12/data", "devkit/data", "devkit")
_LOOKED_AT = 1000


class Imagenet(Source):
    """A folder with `train/n01440764/*.JPEG` and `val/`, also below `ILSVRC/Data/CLS-LOC/`.

    The images of `val` lie in folders of classes as well, or side by side, and then their classes are told by the
    development kit (`ILSVRC2012_validation_ground_truth.txt` with `meta.mat`) or by `LOC_val_solution.csv`, which lie
    in the folder, in `ILSVRC2012_devkit_t12/data/`, or in a folder above. `test` has no classes and is left out.
    Classes are WordNet numbers, with the first name where `LOC_synset_mapping.txt` is there. `val` is the validation
    part; the test part is drawn from `train`.
    """

    reads: ClassVar[str] = "ImageNet (a folder with train/n01440764/ and so on)"
    priority: ClassVar[int] = 3

    def accepts(self, source: Any) -> bool:
        return isinstance(source, Path) and source.is_dir() and _root(source) is not None

    def read(self, source: Path, options: DataOptions, *, target_needed: bool) -> Table:
        root = _root(source)
        assert root is not None  # `accepts` found it
        tree = FolderTree(root)
        known = _validation_classes(source, root)
        names = _class_names(source, root)
        rows = [(path, *_class_of(path, known)) for path in tree.paths if is_image(path)]
        kept = [(path, part, label) for path, part, label in rows if label or not target_needed]
        looked = look(tree, [path for path, _, _ in kept])
        whole, notes = without_broken(source.name, looked)
        kept = [row for row, good in zip(kept, whole, strict=True) if good]
        labels = np.array([names.get(label, label) for _, _, label in kept], dtype=object)
        return table_of(
            pd.DataFrame({"class": labels} if all(labels) else {}, index=pd.RangeIndex(len(kept))),
            name=source.name,
            options=options,
            target_needed=target_needed,
            target="class" if all(labels) else None,
            ready={"image": Column("image", "image", as_objects(looked))},
            kinds={"class": "category"},
            given_parts=_layout.as_parts([part for _, part, _ in kept]),
            row_names=np.array([path for path, _, _ in kept], dtype=object),
            digest=tree.fingerprint(),
            notes=[*notes, *_left_out([path for path, _, label in rows if target_needed and not label], source)],
        )


def _root(source: Path) -> Path | None:
    """The folder that holds `train`, whose folders are called by WordNet numbers."""
    for below in _ROOTS:
        train = source / below / "train"
        try:
            if train.is_dir():
                with os.scandir(train) as entries:
                    names = [entry.name for entry in islice(entries, _LOOKED_AT) if not entry.name.startswith(".")]
                if names and all(_WORDNET.fullmatch(name) for name in names):
                    return source / below
        except OSError as error:
            raise DataError(f"The folder {train} cannot be listed ({error.strerror}).") from error
    return None


def _class_of(path: str, known: dict[str, str]) -> tuple[str, str]:
    """Part and WordNet number of an image, each empty where it is not known."""
    parts = path.split("/")
    part = {"train": "train", "val": "validation"}.get(parts[0], "")
    if not part or len(parts) < 2:
        return "", ""
    return part, parts[1] if _WORDNET.fullmatch(parts[1]) else known.get(parts[-1].rsplit(".", 1)[0], "")


def _beside(source: Path, root: Path, name: str) -> Path | None:
    """A file that comes with the images: in the folder, in the development kit, or above the images."""
    above = [root, *(parent for parent in root.parents if parent == source or source in parent.parents)]
    places = [folder / below / name for folder in dict.fromkeys([source, *above]) for below in _DEVKITS]
    return next((place for place in places if place.is_file()), None)


def _validation_classes(source: Path, root: Path) -> dict[str, str]:
    """The WordNet number of each validation image, by its name without suffix; empty where nothing tells."""
    solution = _beside(source, root, _SOLUTION)
    if solution is not None:
        with solution.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if len(row) > 1]
        return {row[0]: row[1].split(" ")[0] for row in rows if _WORDNET.match(row[1])}
    truth, meta = _beside(source, root, _TRUTH), _beside(source, root, _META)
    if truth is None or meta is None:
        return {}
    numbers = truth.read_text(encoding="ascii", errors="replace").split()
    synsets = _synsets(meta)
    try:
        classes = [synsets[int(number)] for number in numbers]
    except (ValueError, KeyError) as error:
        raise DataError(
            f"{truth} holds {error}, which is no class of {meta}. Fetch the development kit again."
        ) from error
    return {f"ILSVRC2012_val_{place:08d}": label for place, label in enumerate(classes, 1)}


def _synsets(meta: Path) -> dict[int, str]:
    """WordNet numbers by the numbers that the ground truth uses."""
    from scipy.io import loadmat  # a third of a second to import, needed for this file alone

    try:
        held = loadmat(str(meta), squeeze_me=True)["synsets"]
        return {int(one["ILSVRC2012_ID"]): str(one["WNID"]) for one in np.atleast_1d(held)}
    except Exception as error:  # a damaged file raises whatever its numbers lead to
        raise DataError(f"{meta} cannot be read ({error}). Fetch the development kit again.") from error


def _class_names(source: Path, root: Path) -> dict[str, str]:
    """What a class is called, by its WordNet number: `"tench (n01440764)"`."""
    mapping = _beside(source, root, _SYNSETS)
    if mapping is None:
        return {}
    lines = (line.strip().partition(" ") for line in mapping.read_text(encoding="utf-8", errors="replace").splitlines())
    return {number: f"{names.split(',')[0].strip()} ({number})" for number, _, names in lines if names}


def _left_out(paths: list[str], source: Path) -> list[Note]:
    if not paths:
        return []
    val = [path for path in paths if path.startswith("val/")]
    hint = say(
        " Put {truth} and {meta} of the development kit, or {solution}, into {source}.",
        truth=_TRUTH,
        meta=_META,
        solution=_SOLUTION,
        source=str(source),
    )
    message = say(
        "{images:,} images have no class that is known and were left out: {shown}.{hint}",
        images=len(paths),
        shown=listing([*paths[:3], *(["..."] if len(paths) > 3 else [])]),
        hint=hint if val else "",
    )
    return [Note("warning", message)]
