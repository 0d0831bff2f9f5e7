"""RandAugment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto._imports import torch
from mapsto.training.augmentations._operations import MOVES, VALUES, operate
from mapsto.training.augmentations.base import Augmentation

if TYPE_CHECKING:
    from mapsto.training.augmentations._draws import Draws
    from mapsto.training.augmentations.base import Rows

NUM_OPERATIONS = 2


class RandAugment(Augmentation):
    """Two of fourteen operations in turn on each image, all at one magnitude: `strength`, the paper's M divided by 30.

    Cubuk, Zoph, Shlens and Le, "RandAugment: practical automated data augmentation with a reduced search space", 2019,
    arXiv:1909.13719. Some operations move pixels, and masks with them.
    """

    kinds: ClassVar[tuple[str, ...]] = ("image",)
    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=1, description="magnitude of two random operations, share of the widest; 0: off"
    )
    typical: ClassVar[float] = 0.3
    stage: ClassVar[int] = 1

    def apply(self, rows: Rows, strength: float, draws: Draws) -> Rows:
        for _ in range(NUM_OPERATIONS):
            picked, sign = draws.pick(len(VALUES) + len(MOVES)), draws.sign()
            rows = operate(rows, picked, torch.full_like(sign, strength), sign)
        return rows
