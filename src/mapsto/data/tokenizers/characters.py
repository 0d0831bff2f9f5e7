"""Single characters."""

from __future__ import annotations

from typing import ClassVar

from mapsto._messages import say
from mapsto.data.tokenizers._counted import Counted
from mapsto.data.tokenizers._text import normalized


class Characters(Counted):
    """Code points of Unicode in composed form (NFC), upper and lower case, punctuation; white space is one space.

    Example:
        >>> Characters.split("很好 OK!")
        ['很', '好', ' ', 'O', 'K', '!']
    """

    unit: ClassVar[str] = say("character")

    @staticmethod
    def split(text: str) -> list[str]:
        return list(normalized(text))
