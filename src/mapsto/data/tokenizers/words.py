"""Lower-case words, parted by spaces and punctuation."""

from __future__ import annotations

import re
from typing import ClassVar

from mapsto._messages import say
from mapsto.data.tokenizers._counted import Counted
from mapsto.data.tokenizers._text import CJK, without_tags

# Chinese characters and Japanese kana are written without spaces between words, so each stands for itself.
_WORD = re.compile(rf"[{CJK}]|[^\W{CJK}]+(?:'[^\W{CJK}]+)*")


class Words(Counted):
    """Lower-case words; punctuation and line-break tags part them and are dropped.

    Example:
        >>> Words.split("It's GREAT.<br />很好")
        ["it's", 'great', '很', '好']
    """

    unit: ClassVar[str] = say("word")

    @staticmethod
    def split(text: str) -> list[str]:
        return _WORD.findall(without_tags(text).replace("’", "'").lower())
