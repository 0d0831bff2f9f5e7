"""Pieces of words by WordPiece."""

from __future__ import annotations

from typing import Any, ClassVar

from mapsto.data.tokenizers._text import UNSPACED
from mapsto.data.tokenizers._trained import LONGEST, Trained
from mapsto.data.tokenizers.base import SPECIAL, UNKNOWN


class WordPiece(Trained):
    """A word is cut into the longest pieces that are known, from its start on, as BERT does; Chinese into characters.

    Pieces are learned as in byte-pair encoding. A word with a character that is unknown is unknown as a whole. Schuster
    and Nakajima, "Japanese and Korean voice search", 2012; Devlin et al. 2018, arXiv:1810.04805.
    """

    pattern: ClassVar[str] = rf"[{UNSPACED}]|▁?[\w&&[^{UNSPACED}]]{{1,{LONGEST}}}|[^\w\s▁]"

    def parts(self, library: Any, trainer: dict[str, Any]) -> tuple[Any, Any]:
        model = library.models.WordPiece(unk_token=SPECIAL[UNKNOWN], continuing_subword_prefix="")
        return model, library.trainers.WordPieceTrainer(**trainer, continuing_subword_prefix="")
