"""Noise on the features of tables."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto.training.augmentations.base import Augmentation

if TYPE_CHECKING:
    from mapsto.training.augmentations._draws import Draws
    from mapsto.training.augmentations.base import Rows


class FeatureNoise(Augmentation):
    """Adds to every number a normal one of standard deviation `strength`, in the unit of the scaled features.

    Under `data.scale: standard` that is a share of the feature's own standard deviation. Flags and levels of categories
    (`spec.levels`) are no numbers and stay as they are. Bishop, "Training with noise
    is equivalent to Tikhonov regularization", Neural Computation 7, 1995.
    """

    kinds: ClassVar[tuple[str, ...]] = ("features",)
    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=2, description="standard deviation of noise on scaled features; 0: off"
    )
    typical: ClassVar[float] = 0.1

    def apply(self, rows: Rows, strength: float, draws: Draws) -> Rows:
        noise = strength * draws.noise(*rows.inputs.shape[1:])
        if self.inputs.spec.levels:
            noise = noise * (rows.inputs.new_tensor(self.inputs.spec.levels) == 0)
        return replace(rows, inputs=rows.inputs + noise)
