"""TrivialAugment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto.training.augmentations._operations import MOVES, VALUES, operate
from mapsto.training.augmentations.base import Augmentation

if TYPE_CHECKING:
    from mapsto.training.augmentations._draws import Draws
    from mapsto.training.augmentations.base import Rows


class TrivialAugment(Augmentation):
    """One of fourteen operations on each image, at a magnitude drawn from [0, strength].

    Müller and Hutter, "TrivialAugment: tuning-free yet state-of-the-art data augmentation", 2021, arXiv:2103.10158,
    over the operations and ranges of RandAugment.
    """

    kinds: ClassVar[tuple[str, ...]] = ("image",)
    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=1, description="largest magnitude of one random operation, share of the widest; 0: off"
    )
    typical: ClassVar[float] = 1.0
    stage: ClassVar[int] = 1

    def apply(self, rows: Rows, strength: float, draws: Draws) -> Rows:
        picked = draws.pick(len(VALUES) + len(MOVES))
        return operate(rows, picked, draws.uniform(0, strength), draws.sign())
