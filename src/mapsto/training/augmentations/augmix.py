"""AugMix."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto._imports import torch
from mapsto.training.augmentations._operations import MOVES, VALUES, operate
from mapsto.training.augmentations.base import Augmentation, Rows

if TYPE_CHECKING:
    from mapsto.training.augmentations._draws import Draws

NUM_CHAINS, DEPTH = 3, 3


class AugMix(Augmentation):
    """Each image blended with three changed versions of itself, each made by a chain of one to three operations.

    Weights of the chains are drawn evenly from the simplex, and the share of the original evenly from [0, 1].
    Hendrycks et al., "AugMix: a simple data processing method to improve robustness and uncertainty", 2019,
    arXiv:1912.02781, without its consistency loss. Where targets are masks, no operation moves pixels, for a blend of
    moved images has no one mask.
    """

    kinds: ClassVar[tuple[str, ...]] = ("image",)
    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=1, description="magnitude of the operations in blended chains, share of the widest; 0: off"
    )
    typical: ClassVar[float] = 0.3
    stage: ClassVar[int] = 1

    def apply(self, rows: Rows, strength: float, draws: Draws) -> Rows:
        still = rows.masks is not None or rows.boxes is not None
        weights = -torch.log(draws.uniform(1e-6, 1, columns=NUM_CHAINS))
        weights = weights / weights.sum(dim=1, keepdim=True)
        blended = torch.zeros_like(rows.inputs)
        for chain in range(NUM_CHAINS):
            changed, depth = Rows(rows.inputs), draws.pick(DEPTH)
            for step in range(DEPTH):
                picked = draws.pick(len(VALUES) + (0 if still else len(MOVES)))
                picked = torch.where(step <= depth, picked, 0)  # the first operation changes nothing
                changed = operate(changed, picked, draws.uniform(0, strength), draws.sign())
            blended = blended + changed.inputs * weights[:, chain].view(-1, 1, 1, 1)
        return replace(rows, inputs=torch.lerp(blended, rows.inputs, draws.uniform().view(-1, 1, 1, 1)))
