"""Passages hidden from texts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto._imports import torch
from mapsto.training.augmentations._words import hidden, is_word
from mapsto.training.augmentations.base import Augmentation

if TYPE_CHECKING:
    from mapsto.training.augmentations._draws import Draws
    from mapsto.training.augmentations.base import Rows


class SpanMasking(Augmentation):
    """Makes the words of one passage of each text unknown, a share of it in [0, strength] at a random place.

    After the spans of Joshi et al., "SpanBERT", 2019, arXiv:1907.10529, as noise rather than as a task.
    """

    kinds: ClassVar[tuple[str, ...]] = ("tokens",)
    strength: ClassVar[Any] = Field(
        0.0, ge=0, le=1, description="largest share of a text hidden as one passage; 0: off"
    )
    typical: ClassVar[float] = 0.2
    stage: ClassVar[int] = 3

    def apply(self, rows: Rows, strength: float, draws: Draws) -> Rows:
        word = is_word(rows.inputs)
        count = word.sum(dim=1)
        long = (draws.uniform(0, strength) * count).ceil()
        first = (draws.uniform() * (count - long + 1)).floor()
        nth = torch.cumsum(word, dim=1) - 1  # number of each word in its row
        inside = (nth >= first[:, None]) & (nth < (first + long)[:, None])
        return replace(rows, inputs=hidden(rows.inputs, inside))
