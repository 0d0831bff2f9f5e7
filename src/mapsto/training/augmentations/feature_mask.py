"""Features of tables hidden."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto._imports import torch
from mapsto.training.augmentations.base import Augmentation

if TYPE_CHECKING:
    from mapsto.training.augmentations._draws import Draws
    from mapsto.training.augmentations.base import Rows


class FeatureMask(Augmentation):
    """Replaces each feature with a chance of `strength` by that of another row of the batch.

    A value from elsewhere hides the true one and is one that occurs, which zero need not be. Yoon, Zhang, Jordon and
    van der Schaar, "VIME", NeurIPS 2020; Bahri et al., "SCARF", 2021, arXiv:2106.15147.
    """

    kinds: ClassVar[tuple[str, ...]] = ("features",)
    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=1, description="share of features replaced by those of another row; 0: off"
    )
    typical: ClassVar[float] = 0.1
    stage: ClassVar[int] = 3

    def apply(self, rows: Rows, strength: float, draws: Draws) -> Rows:
        hidden = draws.field(*rows.inputs.shape[1:]) < strength
        return replace(rows, inputs=torch.where(hidden, rows.inputs[draws.partners()], rows.inputs))
