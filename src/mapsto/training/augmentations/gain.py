"""Recordings made louder or softer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from pydantic import Field

from mapsto.training.augmentations.base import Augmentation

if TYPE_CHECKING:
    from mapsto.data.encoders.spectrogram import Spectrogram
    from mapsto.training.augmentations._draws import Draws
    from mapsto.training.augmentations.base import Rows


class Gain(Augmentation):
    """Makes each recording louder by a number of decibels in [-strength, strength]: all its bands by the same."""

    kinds: ClassVar[tuple[str, ...]] = ("spectrogram",)
    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=40, description="decibels that recordings get louder or softer, at most; 0: off"
    )
    typical: ClassVar[float] = 6.0
    for_answers: ClassVar[bool] = True

    def apply(self, rows: Rows, strength: float, draws: Draws) -> Rows:
        decibels = draws.uniform(-strength, strength).view(-1, 1, 1, 1)
        units = rows.inputs.new_tensor(cast("Spectrogram", self.inputs).scale).view(1, 1, -1, 1)
        return replace(rows, inputs=rows.inputs + decibels * units)
