"""Neighboring words exchanged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto._imports import torch
from mapsto.training.augmentations._words import is_word
from mapsto.training.augmentations.base import Augmentation

if TYPE_CHECKING:
    from mapsto.training.augmentations._draws import Draws
    from mapsto.training.augmentations.base import Rows


class WordSwap(Augmentation):
    """Exchanges the words of a pair of neighbors with a chance of `strength`.

    A row's words are paired from the first or from the second on, by chance; padding stays where it is. After the
    random swap of Wei and Zou, "EDA: easy data augmentation", 2019, arXiv:1901.11196.
    """

    kinds: ClassVar[tuple[str, ...]] = ("tokens",)
    strength: ClassVar[Any] = Field(0.0, ge=0, le=1, description="share of neighboring words exchanged; 0: off")
    typical: ClassVar[float] = 0.1

    def apply(self, rows: Rows, strength: float, draws: Draws) -> Rows:
        length = rows.inputs.shape[1]
        place = torch.arange(length, device=draws.device).expand_as(rows.inputs)
        start = (draws.uniform() < 0.5).long().unsqueeze(1)
        other = torch.where((place - start) % 2 == 0, place + 1, place - 1)
        inside = (other >= 0) & (other < length)
        other = other.clamp(0, length - 1)
        pair = torch.minimum(place, other)
        word = is_word(rows.inputs)
        swapped = inside & word & word.gather(1, other) & (draws.field(length).gather(1, pair) < strength)
        return replace(rows, inputs=rows.inputs.gather(1, torch.where(swapped, other, place)))
