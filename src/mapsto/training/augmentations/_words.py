"""What the augmentations of texts share: which places hold words, and how words are hidden.

The numbers of padding and of unknown words are asked for when they are used: a recipe reads the settings of every
augmentation, and must not load the data room for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def is_word(ids: Tensor) -> Tensor:
    """Marks the places of `(rows, length)` that are no padding."""
    from mapsto.data.tokenizers.base import PAD

    return ids != PAD


def hidden(ids: Tensor, where: Tensor) -> Tensor:
    """The texts with unknown words where `where` says so; padding stays."""
    from mapsto.data.tokenizers.base import UNKNOWN

    return ids.masked_fill(where & is_word(ids), UNKNOWN)
