"""What tokenizers share: scripts, and texts made ready to be split."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
"""Chinese characters and Japanese kana, as a part of a class of characters in a regular expression."""

_RUNS = "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff"
"""Thai, Lao, Tibetan, Burmese and Khmer: no spaces between words, and a character is less than a word."""

UNSPACED = CJK + _RUNS
"""Scripts without spaces between words."""

MOSTLY = 0.5
"""Share of the letters from which on texts are mostly in such a script."""

_RUN = re.compile(f"[{_RUNS}]")
_LETTER = re.compile(r"[^\W\d_]")
_TAG = re.compile(r"<br\s*/?>", re.IGNORECASE)
_DAMAGED = re.compile("[\ud800-\udfff]")
_LOOKED_AT = 200


def without_tags(text: str) -> str:
    """The text with a space for every line-break tag of HTML."""
    return _TAG.sub(" ", text)


def normalized(text: str) -> str:
    """The text without line-break tags, in Unicode's composed form (NFC), any white space as one space.

    Halves of characters, as damaged files hold, become the replacement character.
    """
    return " ".join(unicodedata.normalize("NFC", _DAMAGED.sub("\ufffd", without_tags(text))).split())


def has_mostly_no_words(texts: Iterable[str]) -> bool:
    """Whether most letters are of a script in which no rule finds words; looks at some of the texts.

    A Chinese character alone means something, so it counts as a word.

    Example:
        >>> has_mostly_no_words(["โรงแรมดีมาก"]), has_mostly_no_words(["房间很好"])
        (True, False)
    """
    texts = list(texts)
    some = texts[:: max(1, len(texts) // _LOOKED_AT)]
    in_runs = sum(len(_RUN.findall(text)) for text in some)
    letters = sum(len(_LETTER.findall(text)) for text in some)
    return in_runs > MOSTLY * max(letters, 1)
