"""The operations that the policies (RandAugment, TrivialAugment, AugMix) choose from, on chosen rows of a batch.

Those of Cubuk et al. (RandAugment, arXiv:1909.13719). A magnitude of 1 is the widest change there; a row's sign says to
which side it goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from mapsto._imports import torch
from mapsto.training.augmentations import _colors as colors
from mapsto.training.augmentations._geometry import rotation, shearing, translation

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.training.augmentations.base import Rows

_Values = Callable[["Tensor", "Tensor", "Tensor"], "Tensor"]
_Moves = Callable[["Tensor", tuple[int, int]], "Tensor"]

VALUES: tuple[_Values, ...] = (
    lambda images, amount, sign: images,  # left as it is
    lambda images, amount, sign: colors.autocontrast(images),
    lambda images, amount, sign: colors.equalize(images),
    lambda images, amount, sign: colors.brightness(images, 1 + 0.9 * amount * sign),
    lambda images, amount, sign: colors.contrast(images, 1 + 0.9 * amount * sign),
    lambda images, amount, sign: colors.saturation(images, 1 + 0.9 * amount * sign),
    lambda images, amount, sign: colors.sharpness(images, 1 + 0.9 * amount * sign),
    lambda images, amount, sign: colors.posterize(images, 4 * amount),
    lambda images, amount, sign: colors.solarize(images, 256 * (1 - amount)),
)
"""Operations on values: of images, magnitudes in [0, 1] and signs. The first changes nothing."""

MOVES: tuple[_Moves, ...] = (
    lambda amount, size: rotation(30 * amount),
    lambda amount, size: shearing(0.3 * amount, torch.zeros_like(amount)),
    lambda amount, size: shearing(torch.zeros_like(amount), 0.3 * amount),
    lambda amount, size: translation(0.45 * size[1] * amount, torch.zeros_like(amount)),
    lambda amount, size: translation(torch.zeros_like(amount), 0.45 * size[0] * amount),
)
"""Operations that move pixels: the matrix for signed magnitudes in [-1, 1] and the size (height, width)."""


def operate(rows: Rows, picked: Tensor, amount: Tensor, sign: Tensor) -> Rows:
    """One operation a row, masks and boxes moving along.

    Args:
        rows: images.
        picked: for each row a number in `VALUES`, then `MOVES`; on the CPU, so that choosing rows waits for nothing.
        amount: magnitudes in [0, 1], `(rows,)`.
        sign: 1 or -1, `(rows,)`.
    """
    images, device = rows.inputs.clone(), rows.inputs.device
    for number, change in enumerate(VALUES[1:], start=1):
        index = (picked == number).nonzero().squeeze(1).to(device)
        if len(index):
            images[index] = change(images[index], amount[index], sign[index]).clamp(0, 255)
    rows = replace(rows, inputs=images)
    if not bool((picked >= len(VALUES)).any()):
        return rows
    size = (images.shape[-2], images.shape[-1])
    matrix = torch.eye(3, device=device).expand(len(images), 3, 3)
    where = picked.to(device).view(-1, 1, 1)
    for number, move in enumerate(MOVES, start=len(VALUES)):
        matrix = torch.where(where == number, move(amount * sign, size), matrix)
    return rows.warped(matrix)
