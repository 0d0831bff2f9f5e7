"""Images with a mask for each, whose pixels are class ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from mapsto.data.frames import table_of
from mapsto.data.images import ImageFile, as_objects, look, without_broken
from mapsto.data.sources import _layout
from mapsto.data.sources.base import Source
from mapsto.data.table import Column
from mapsto.data.trees import Tree, folders, open_tree
from mapsto.errors import DataError

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions


class Masks(Source):
    """A folder (or .zip archive) with `images/` and `masks/`, or `train/` and `trainannot/` and so on.

    An image and its mask have the same name but for the suffix (the mask's may end in `_mask` or `_L`), and the same
    size. Masks have one channel of 8 bits, or a palette, whose indexes count. Folders called train, validation (val,
    valid, dev) and test on the way to an image give the parts. Rows are called by the images' paths.
    """

    reads: ClassVar[str] = "images with masks (a folder or .zip with images/ and masks/, or train/ and trainannot/)"

    def accepts(self, source: Any) -> bool:
        is_tree = isinstance(source, Path) and (source.is_dir() or source.suffix.lower() == ".zip")
        return is_tree and bool(_layout.pair_folders(folders(source)))

    def read(self, source: Path, options: DataOptions, *, target_needed: bool) -> Table:
        tree = open_tree(source)
        pairs, lonely = _pairs(tree, source)
        images = look(tree, [image for image, _ in pairs])
        masks = look(tree, [mask for _, mask in pairs], mask=True)
        both = [_as_one(image, mask) for image, mask in zip(images, masks, strict=True)]
        whole, broken = without_broken(source.name, [*both, *lonely], "images with masks")
        kept = np.flatnonzero(whole)
        images, masks = [images[row] for row in kept], [masks[row] for row in kept]
        return table_of(
            pd.DataFrame(index=pd.RangeIndex(len(kept))),
            name=source.name,
            options=options,
            target_needed=target_needed,
            target="mask",
            ready={
                "image": Column("image", "image", as_objects(images)),
                "mask": Column("mask", "mask", as_objects(masks)),
            },
            given_parts=_layout.as_parts([_layout.part_of(pairs[row][0]) for row in kept]),
            row_names=np.array([pairs[row][0] for row in kept], dtype=object),
            digest=tree.fingerprint(),
            notes=[*_layout.unsafe_notes(tree), *broken],
        )


def _pairs(tree: Tree, source: Path) -> tuple[list[tuple[str, str]], list[DataError]]:
    """The path of every image with that of its mask, and what is wrong with those that have none.

    Raises:
        DataError: there is no pair, or an image has several masks.
    """
    paths = _layout.image_paths(tree.paths)
    above = {tuple(path.split("/")[:-1]) for path in paths}
    known = {folder[:level] for folder in above for level in range(1, len(folder) + 1)}
    pairs: list[tuple[str, str]] = []
    lonely: list[DataError] = []
    for folder, mask_folder in _layout.pair_folders(known):
        images, masks = _below(paths, folder), _below(paths, mask_folder)
        found = {key: next((masks[name] for name in _layout.mask_names(key) if name in masks), None) for key in images}
        pairs += [(images[key], mask) for key, mask in found.items() if mask is not None]
        lonely += [DataError(f"{images[key]} has no mask.") for key, mask in found.items() if mask is None]
        lonely += [DataError(f"{mask} has no image.") for mask in sorted(set(masks.values()) - set(found.values()))]
    if not pairs and not lonely:
        raise DataError(
            f"{source} has folders for images and masks, but no images in both. Masks are images too: PNG, one channel."
        )
    if not pairs:
        raise DataError(
            f"{source} has no image with a mask: {lonely[0]} An image and its mask must have the same name, but for "
            f"the suffix."
        )
    twice = [image for image, count in Counter(image for image, _ in pairs).items() if count > 1]
    if twice:
        masks_of = ", ".join(mask for image, mask in pairs if image == twice[0])
        raise DataError(f"{source} has more than one mask for {twice[0]}: {masks_of}. Leave one folder of masks in it.")
    return sorted(pairs), lonely


def _below(paths: Sequence[str], folder: _layout.Folder) -> dict[str, str]:
    """The files below a folder, by what remains of their paths without folder and suffix."""
    start = "/".join(folder) + "/"
    return {path[len(start) :].rsplit(".", 1)[0]: path for path in paths if path.startswith(start)}


def _as_one(image: ImageFile | DataError, mask: ImageFile | DataError) -> ImageFile | DataError:
    """The image of a pair that can be used, else what is wrong with it."""
    if isinstance(image, DataError) or isinstance(mask, DataError):
        return image if isinstance(image, DataError) else mask
    if image.size != mask.size:
        shown = " but ".join(f"{one.name} is {one.size[1]}×{one.size[0]}" for one in (image, mask))
        return DataError(f"{shown} pixels; a mask must have its image's size.")
    return image
