"""Originals beside augmented versions of them, as one picture: what a recipe's `augment` does, to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mapsto._imports import torch
from mapsto.errors import RecipeError
from mapsto.recipe.seeds import derive
from mapsto.training.augmenter import Augmenter

if TYPE_CHECKING:
    from mapsto.data.prepare import Prepared
    from mapsto.recipe.schema import Recipe

ROWS, VERSIONS = 8, 7
SIDE, MOST, GAP = 64, 256, 6
"""Small pictures are enlarged to at least `SIDE` pixels, large ones shrunk to about `MOST`; `GAP` lies between them."""

GROUND = 255
MASK = 0.45
"""How much of a pixel is the color of its class, where there are masks."""


def contact_sheet(recipe: Recipe, prepared: Prepared, *, seed: int = 0) -> NDArray[np.uint8]:
    """The first training rows, each with its original at the left and augmented versions to the right of it.

    Images are drawn as they are stored, with the classes of masks as colors over them; spectrograms in grays with high
    bands at the top.

    Args:
        recipe: with every setting filled in; some augmentation is on.
        prepared: the data.
        seed: of the versions.

    Returns:
        The picture, uint8 of shape `(height, width, 3)`.

    Raises:
        RecipeError: nothing is augmented, or the inputs are no pictures.
    """
    encoder = prepared.specs["inputs"].encoder
    if encoder not in ("image", "spectrogram"):
        raise RecipeError(
            f"A sheet of augmented rows needs images or recordings, and {recipe.task.title} reads {encoder}."
        )
    augmenter = Augmenter.of(recipe, prepared.encoders, derive(seed, "sheet"))
    if augmenter is None:
        raise RecipeError(
            "Nothing is augmented, so there is nothing to show. Turn something on, such as "
            "`--set augment=auto` or `--set augment.rotate=15`."
        )
    rows = prepared.parts["train"][:ROWS]
    stored = {name: torch.from_numpy(np.array(array[rows])) for name, array in prepared.arrays.items()}
    shown = [_pictures(stored, recipe, prepared)]
    shown += [_pictures(augmenter(stored), recipe, prepared) for _ in range(VERSIONS)]
    return _laid_out(np.stack(shown, axis=1))


def _pictures(batch: dict[str, torch.Tensor], recipe: Recipe, prepared: Prepared) -> NDArray[np.float32]:
    """Rows as colors `(rows, height, width, 3)` in [0, 255]."""
    inputs = np.asarray(batch["inputs"].float().numpy(), dtype=np.float32)
    if prepared.specs["inputs"].encoder == "spectrogram":
        low, high = np.quantile(prepared.arrays["inputs"][prepared.parts["train"][:ROWS]], [0.01, 0.99])
        inputs = (inputs[:, :, ::-1] - low) * (255 / max(float(high - low), 1e-6))
    pictures = np.moveaxis(np.clip(inputs, 0, 255), 1, -1)
    pictures = np.broadcast_to(pictures, (*pictures.shape[:-1], 3))
    if prepared.specs["targets"].encoder != "masks":
        return pictures
    targets = prepared.encoders["targets"]
    masks = recipe.task.truth(batch["targets"].numpy(), targets)
    colors = np.stack([np.moveaxis(recipe.task.picture(mask, targets), 0, -1) for mask in masks])
    return np.asarray((1 - MASK) * pictures + MASK * colors, dtype=np.float32)


def _laid_out(pictures: NDArray[Any]) -> NDArray[np.uint8]:
    """Pictures `(rows, versions, height, width, 3)` on one sheet, a wider gap behind the first of each row."""
    rows, versions, height, width, _ = pictures.shape
    shrink, enlarge = max(1, round(max(height, width) / MOST)), max(1, -(-SIDE // min(height, width)))
    pictures = pictures[:, :, ::shrink, ::shrink].repeat(enlarge, axis=2).repeat(enlarge, axis=3)
    height, width = pictures.shape[2:4]
    sheet = np.full((GAP + rows * (height + GAP), 3 * GAP + versions * (width + GAP), 3), GROUND, dtype=np.uint8)
    for row in range(rows):
        for version in range(versions):
            top, left = GAP + row * (height + GAP), GAP + version * (width + GAP) + 2 * GAP * (version > 0)
            sheet[top : top + height, left : left + width] = np.rint(pictures[row, version])
    return sheet
