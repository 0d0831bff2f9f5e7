"""Random erasing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto._imports import torch
from mapsto.training.augmentations.base import Augmentation

if TYPE_CHECKING:
    from mapsto.training.augmentations._draws import Draws
    from mapsto.training.augmentations.base import Rows

WIDEST = 3.3
"""Sides of an erased rectangle differ by at most this factor, as in the paper."""


class Erase(Augmentation):
    """Fills a rectangle of each image, up to `strength` of its area, with random pixels; masks keep their classes.

    Zhong, Zheng, Kang, Li and Yang, "Random erasing data augmentation", 2017, arXiv:1708.04896.
    """

    kinds: ClassVar[tuple[str, ...]] = ("image",)
    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=1, description="largest share of an image that a rectangle of noise hides; 0: off"
    )
    typical: ClassVar[float] = 0.2
    stage: ClassVar[int] = 3

    def apply(self, rows: Rows, strength: float, draws: Draws) -> Rows:
        height, width = rows.inputs.shape[-2:]
        area = draws.uniform(0.02 * min(1.0, strength / 0.02), strength)
        ratio = draws.uniform(-math.log(WIDEST), math.log(WIDEST)).exp().sqrt()
        tall, wide = (area.sqrt() * ratio).clamp(max=1), (area.sqrt() / ratio).clamp(max=1)
        top, left = draws.uniform() * (1 - tall), draws.uniform() * (1 - wide)
        y = (torch.arange(height, device=draws.device) + 0.5) / height
        x = (torch.arange(width, device=draws.device) + 0.5) / width
        inside_y = (y >= top[:, None]) & (y < (top + tall)[:, None])
        inside_x = (x >= left[:, None]) & (x < (left + wide)[:, None])
        hidden = (inside_y[:, :, None] & inside_x[:, None, :]).unsqueeze(1)
        pixels = draws.field(*rows.inputs.shape[1:]) * 255.0
        return replace(rows, inputs=torch.where(hidden, pixels, rows.inputs))
