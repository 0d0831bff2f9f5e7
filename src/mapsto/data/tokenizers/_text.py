"""What tokenizers share: scripts, and texts made ready to be split."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
"""Chinese characters and Japanese kana, as a part of a class of characters in a regular expression."""

UNSPACED = CJK + "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff"
"""The same with Thai, Lao, Tibetan, Burmese and Khmer: scripts without spaces between words."""

MOSTLY = 0.5
"""Share of the letters from which on texts are mostly in such a script."""

_UNSPACED = re.compile(f"[{UNSPACED}]")
_LETTER = re.compile(r"[^\W\d_]")
_TAG = re.compile(r"<br\s*/?>", re.IGNORECASE)
_DAMAGED = re.compile("[\ud800-\udfff]")
_LOOKED_AT = 2000


def without_tags(text: str) -> str:
    """The text with a space for every line-break tag of HTML."""
    return _TAG.sub(" ", text)


def normalized(text: str) -> str:
    """The text without line-break tags, in Unicode's composed form (NFC), any white space as one space.

    Halves of characters, as damaged files hold, become the replacement character.
    """
    return " ".join(unicodedata.normalize("NFC", _DAMAGED.sub("\ufffd", without_tags(text))).split())


def is_mostly_unspaced(texts: Iterable[str]) -> bool:
    """Whether most letters of the texts are of a script without spaces between words; looks at some of them.

    Example:
        >>> is_mostly_unspaced(["房间很好, nice"]), is_mostly_unspaced(["a very nice 房间"])
        (True, False)
    """
    texts = list(texts)
    some = texts[:: max(1, len(texts) // _LOOKED_AT)]
    unspaced = sum(len(_UNSPACED.findall(text)) for text in some)
    letters = sum(len(_LETTER.findall(text)) for text in some)
    return unspaced > MOSTLY * max(letters, 1)
