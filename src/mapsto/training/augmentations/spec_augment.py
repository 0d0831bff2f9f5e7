"""SpecAugment: bands and stretches of time hidden from spectrograms."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto._imports import torch
from mapsto.training.augmentations.base import Augmentation

if TYPE_CHECKING:
    from torch import Tensor

    from mapsto.training.augmentations._draws import Draws
    from mapsto.training.augmentations.base import Rows

NUM_MASKS = 2
"""Masks of each kind."""


class SpecAugment(Augmentation):
    """Hides two blocks of frequency bands and two of time, each of a width in [0, strength] of its axis.

    What is hidden becomes the spectrogram's mean. Park et al., "SpecAugment", 2019, arXiv:1904.08779, without the time
    warp; see `augment.time_stretch`.
    """

    kinds: ClassVar[tuple[str, ...]] = ("spectrogram",)
    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=1, description="widest share of the bands, and of the time, hidden by each of two masks; 0: off"
    )
    typical: ClassVar[float] = 0.15
    stage: ClassVar[int] = 3

    def apply(self, rows: Rows, strength: float, draws: Draws) -> Rows:
        bands, frames = rows.inputs.shape[-2:]
        hidden = torch.zeros(len(rows.inputs), bands, frames, dtype=torch.bool, device=draws.device)
        for _ in range(NUM_MASKS):
            hidden = hidden | _block(bands, strength, draws).unsqueeze(2) | _block(frames, strength, draws).unsqueeze(1)
        mean = rows.inputs.mean(dim=(1, 2, 3), keepdim=True)
        return replace(rows, inputs=torch.where(hidden.unsqueeze(1), mean, rows.inputs))


def _block(size: int, widest: float, draws: Draws) -> Tensor:
    """One block of places a row, `(rows, size)`."""
    width = draws.uniform(0, widest) * size
    first = draws.uniform() * (size - width)
    place = torch.arange(size, device=draws.device) + 0.5
    return (place >= first[:, None]) & (place < (first + width)[:, None])
