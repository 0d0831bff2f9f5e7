"""Words left out of texts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mapsto.training.augmentations._words import hidden
from mapsto.training.augmentations.base import Augmentation

if TYPE_CHECKING:
    from mapsto.training.augmentations._draws import Draws
    from mapsto.training.augmentations.base import Rows


class WordDropout(Augmentation):
    """Makes each word an unknown one with a chance of `strength`, so that the network learns to do without any of them.

    Iyyer et al., "Deep unordered composition rivals syntactic methods for text classification", ACL 2015; unknown words
    in place of gaps, as in Bowman et al. 2016, arXiv:1511.06349.
    """

    kinds: ClassVar[tuple[str, ...]] = ("tokens",)
    strength: ClassVar[Any] = Field(0.0, ge=0, le=1, description="share of words made unknown; 0: off")
    typical: ClassVar[float] = 0.1
    stage: ClassVar[int] = 3

    def apply(self, rows: Rows, strength: float, draws: Draws) -> Rows:
        return replace(rows, inputs=hidden(rows.inputs, draws.field(rows.inputs.shape[1]) < strength))
