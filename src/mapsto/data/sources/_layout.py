"""How files lie in folders: classes, parts, and masks beside the images they belong to."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data.given_parts import PART_WORDS
from mapsto.data.images import is_image
from mapsto.data.table import PARTS, Note
from mapsto.data.trees import Tree, ZipTree
from mapsto.errors import DataError

Folder = tuple[str, ...]
"""A folder in a tree, as the names on the way to it."""

_IMAGES = ("images", "image", "imgs", "img", "jpegimages")
_MASKS = ("masks", "mask", "labels", "annotations", "annot", "segmentationclass")
_MASK_ENDINGS = ("annot", "_annot", "_mask", "_masks", "masks", "_labels")
_MASK_NAME_ENDINGS = ("", "_mask", "_L")


_FIRST, _DEPTH = 2000, 8  # names by which the sort of files in a folder is told, and folders on the way to them


@dataclass(frozen=True)
class Labelled:
    """A file, its class (the folder it lies in) and its part; empty where there is none."""

    path: str
    label: str
    part: str


def image_paths(paths: Sequence[str]) -> list[str]:
    """Those that are images by their suffix."""
    return [path for path in paths if is_image(path)]


def by_class(paths: Sequence[str], pattern: str | None = None) -> list[Labelled]:
    """Class and part of each file.

    With a pattern, its group `label` is the class, and the part is that whose group (train, validation or test)
    matches. Without one, a first folder that holds all the others is passed over; where a folder called train lies at
    the top, the first folder is the part and the second the class; else the first is the class. Deeper folders do not
    matter.
    """
    if pattern is not None:
        return [_matched(path, re.search(pattern, path)) for path in paths]
    split = _unwrapped([tuple(path.split("/")) for path in paths])
    tops = {parts[0].casefold() for parts in split if len(parts) > 1}
    in_parts = any(PART_WORDS.get(top) == "train" for top in tops)
    found = []
    for path, parts in zip(paths, split, strict=True):
        part = PART_WORDS.get(parts[0].casefold(), "") if in_parts and len(parts) > 1 else ""
        inner = parts[1:] if in_parts else parts
        found.append(Labelled(path, inner[0] if len(inner) > 1 and (part or not in_parts) else "", part))
    return found


def _matched(path: str, found: re.Match[str] | None) -> Labelled:
    groups = {} if found is None else found.groupdict()
    return Labelled(path, groups.get("label") or "", next((part for part in PARTS if groups.get(part)), ""))


def first_names(source: Path) -> list[str]:
    """Paths of up to `_FIRST` files in a .zip archive or below a folder, those nearest to its top."""
    if not source.is_dir():
        return list(ZipTree(source).paths[:_FIRST])
    names: list[str] = []
    waiting = [source]
    for folder in waiting:  # which grows meanwhile
        try:
            with os.scandir(folder) as entries:
                for entry in sorted(islice(entries, _FIRST), key=lambda entry: entry.name):
                    if entry.name.startswith("."):
                        continue
                    below = (folder / entry.name).relative_to(source)
                    if not entry.is_dir():
                        names.append(str(below))
                    elif len(below.parts) < _DEPTH:
                        waiting.append(folder / entry.name)
        except OSError as error:
            raise DataError(f"The folder {folder} cannot be listed ({error.strerror}).") from error
        if len(names) >= _FIRST or len(waiting) >= _FIRST:
            break
    return names


def pair_folders(found: Collection[Folder]) -> list[tuple[Folder, Folder]]:
    """Folders of images, each with the folder of its masks: `train` and `trainannot`, or `images` and `masks`.

    Below such a pair, parts may have folders of their own: `images/train` and `masks/train`.
    """
    known = set(found)
    return sorted((folder, mask) for folder in known for mask in _masks_of(folder, known))


def _masks_of(folder: Folder, known: set[Folder]) -> list[Folder]:
    """The folders beside `folder` that hold its masks by their names."""
    name = folder[-1].casefold()
    wanted = {name + ending for ending in _MASK_ENDINGS} | (set(_MASKS) if name in _IMAGES else set())
    return [other for other in known if other[:-1] == folder[:-1] and other[-1].casefold() in wanted]


def part_of(path: str) -> str:
    """The part that the folders above a file tell, or nothing."""
    return next((PART_WORDS[name] for name in path.casefold().split("/")[:-1] if name in PART_WORDS), "")


def as_parts(parts: Sequence[str]) -> NDArray[np.str_] | None:
    """The parts as a table has them; None where the folders say nothing."""
    return np.array(parts) if any(parts) else None


def unsafe_notes(tree: Tree) -> list[Note]:
    """A warning about members of an archive that were left out for their names."""
    if not tree.unsafe:
        return []
    message = say(
        "{files:,} files in {name} have names that lead out of it, and were left out.",
        files=tree.unsafe,
        name=tree.name,
    )
    return [Note("warning", message)]


def mask_names(image: str) -> list[str]:
    """What the mask of an image may be called, both without suffix."""
    return [image + ending for ending in _MASK_NAME_ENDINGS]


def _unwrapped(split: list[Folder]) -> list[Folder]:
    """Paths without a first folder that all of them share, unless it is a part or their class."""
    while (
        len({parts[0] for parts in split}) == 1
        and (min(map(len, split)) > 2 or _holds_parts(split))
        and split[0][0].casefold() not in PART_WORDS
    ):
        split = [parts[1:] for parts in split]
    return split


def _holds_parts(split: list[Folder]) -> bool:
    """Whether the second folder of some is called train: files beside it then do not make the first one a class."""
    return any(len(parts) > 2 and PART_WORDS.get(parts[1].casefold()) == "train" for parts in split)
