"""Pieces of words by byte-pair encoding."""

from __future__ import annotations

from typing import Any

from mapsto.data.tokenizers._trained import Trained
from mapsto.data.tokenizers.base import SPECIAL, UNKNOWN


class BPE(Trained):
    """The pair of neighboring pieces that is most frequent becomes a piece, from single characters on.

    Common words end up whole, rare ones in pieces; of Chinese and its like, common runs of characters do. Sennrich,
    Haddow and Birch, "Neural machine translation of rare words with subword units", 2016, arXiv:1508.07909.
    """

    def parts(self, library: Any, trainer: dict[str, Any]) -> tuple[Any, Any]:
        return library.models.BPE(unk_token=SPECIAL[UNKNOWN]), library.trainers.BpeTrainer(**trainer)
