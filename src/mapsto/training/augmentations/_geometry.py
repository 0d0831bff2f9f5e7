"""Affine maps of images, masks and boxes, a matrix a row.

A matrix of shape `(rows, 3, 3)` says where a point `(x, y, 1)` goes, in pixels from the middle of the image, x to the
right and y downward. To read the new image, each of its pixels is looked up where it came from, by the inverse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapsto._imports import torch

if TYPE_CHECKING:
    from torch import Tensor


def affine(
    xx: Tensor, xy: Tensor | float, yx: Tensor | float, yy: Tensor, x: Tensor | float = 0.0, y: Tensor | float = 0.0
) -> Tensor:
    """The matrices `[[xx, xy, x], [yx, yy, y], [0, 0, 1]]`, one a row of `xx`; numbers stand for all rows."""
    entries = [xx, xy, x, yx, yy, y, 0.0, 0.0, 1.0]
    filled = [e if isinstance(e, torch.Tensor) else torch.full_like(xx, e) for e in entries]
    return torch.stack(filled, dim=-1).view(-1, 3, 3)


def rotation(degrees: Tensor) -> Tensor:
    """Turns clockwise by degrees `(rows,)`."""
    angle = torch.deg2rad(degrees)
    return affine(angle.cos(), -angle.sin(), angle.sin(), angle.cos())


def translation(x: Tensor, y: Tensor) -> Tensor:
    """Moves by pixels `(rows,)` to the right and downward."""
    one = torch.ones_like(x)
    return affine(one, 0.0, 0.0, one, x, y)


def shearing(x: Tensor, y: Tensor) -> Tensor:
    """Slants: each pixel down moves `x` pixels to the right, each pixel to the right `y` pixels down."""
    one = torch.ones_like(x)
    return affine(one, x, y, one)


def inverse(matrix: Tensor) -> Tensor:
    """The inverse of affine matrices `(rows, 3, 3)`."""
    a, b, x = matrix[:, 0].unbind(-1)
    c, d, y = matrix[:, 1].unbind(-1)
    det = a * d - b * c
    return affine(d / det, -b / det, -c / det, a / det, (b * y - d * x) / det, (c * x - a * y) / det)


def warp(images: Tensor, matrix: Tensor) -> Tensor:
    """Images `(rows, channels, height, width)` moved, bilinear; beyond the border its pixels are repeated.

    Repeated borders suit dark and light grounds alike, and plant no edge that is not in the data.
    """
    grid = _sources(matrix, images.shape[-2], images.shape[-1])
    return torch.nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def warp_masks(masks: Tensor, matrix: Tensor, void: int) -> Tensor:
    """Masks `(rows, height, width)` moved, each pixel as the nearest old one; `void` where there was nothing."""
    grid = _sources(matrix, masks.shape[-2], masks.shape[-1])
    planes = masks.unsqueeze(1).float()
    moved = torch.nn.functional.grid_sample(
        planes, grid, mode="nearest", padding_mode="border", align_corners=False
    ).squeeze(1)
    outside = (grid.abs() > 1 + 1e-4).any(dim=-1)  # the middles of border pixels lie within, but for rounding
    return torch.where(outside, float(void), moved).to(masks.dtype)


def visible(matrix: Tensor, height: int, width: int) -> Tensor:
    """Which pixels are still in the image after they were moved: 1 or 0, of shape `(rows, 1, height, width)`."""
    landing = _sources(inverse(matrix), height, width)
    return (landing.abs() <= 1 + 1e-4).all(dim=-1).unsqueeze(1).to(matrix.dtype)


def move_boxes(boxes: Tensor, matrix: Tensor, height: int, width: int) -> Tensor:
    """Boxes `(rows, boxes, 4)` around the moved corners of the old ones, cut at the image's border.

    Example:
        >>> moved = translation(torch.tensor([4.0]), torch.tensor([0.0]))
        >>> move_boxes(torch.tensor([[[1.0, 2.0, 3.0, 5.0]]]), moved, height=8, width=6)
        tensor([[[5., 2., 6., 5.]]])
    """
    middle = boxes.new_tensor([width / 2, height / 2])
    left, top, right, bottom = boxes.unbind(-1)
    corners = torch.stack([left, top, right, top, left, bottom, right, bottom], dim=-1)
    corners = corners.view(*boxes.shape[:2], 4, 2) - middle
    moved = torch.einsum("nij,nbcj->nbci", matrix[:, :2, :2], corners) + matrix[:, None, None, :2, 2] + middle
    limits = boxes.new_tensor([width, height])
    low = torch.minimum(moved.amin(dim=2).clamp(min=0), limits)
    high = torch.minimum(moved.amax(dim=2).clamp(min=0), limits)
    return torch.cat([low, high], dim=-1)


def _sources(matrix: Tensor, height: int, width: int) -> Tensor:
    """Where each new pixel is read, as `grid_sample` wants it: from -1 to 1 along each side."""
    back = inverse(matrix)
    half = back.new_tensor([width / 2, height / 2, 1.0])
    scaled = back * half / half.unsqueeze(-1)  # pixels to halves of a side, on both sides of the map
    return torch.nn.functional.affine_grid(scaled[:, :2], [len(matrix), 1, height, width], align_corners=False)
