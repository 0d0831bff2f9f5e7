"""Text whose letters were broken on the way."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
import pandas as pd

from mapsto._messages import count, say
from mapsto.data.audit._subject import Subject
from mapsto.data.audit.base import Check, Finding
from mapsto.data.table import Kind

_ROWS = 100_000
_LOST = re.compile("[\ufffd\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# UTF-8 read as Latin-1 or Windows-1252: a lead byte's letter, then letters of continuation bytes.
_FOLLOWS = "[\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
_TWICE = re.compile(f"[Â-ß]{_FOLLOWS}|[à-ï]{_FOLLOWS}{{2}}|ð{_FOLLOWS}{{3}}")


class Encodings(Check):
    """Finds text with replacement or control characters, and text in UTF-8 that was read as Latin-1 or Windows-1252."""

    kinds: ClassVar[tuple[Kind, ...]] = ("category", "text", "ignore")

    def run(self, subject: Subject) -> list[Finding]:
        found = []
        among = subject.sample(_ROWS)
        for column in self.within(subject.worded):
            codes, unique = pd.factorize(column.values[among])
            broken = np.array([*(is_broken(str(value)) for value in unique), False], dtype=bool)
            rows = among[np.flatnonzero(broken[codes])]
            if len(rows):
                message = say(
                    "{rows} with broken letters{sample}.",
                    rows=count(len(rows), "row"),
                    sample=subject.said(among),
                )
                action = say("Read the source again in its own encoding, or correct these rows.")
                found.append(self.finding(subject, message, action, column=column.name, rows=rows))
        return found


def is_broken(text: str) -> bool:
    r"""Whether letters of the text were lost, or read in another encoding than they were written in.

    Example:
        >>> is_broken("Ã¼ber"), is_broken("über"), is_broken("caf\ufffd")
        (True, False, True)
    """
    if text.isascii():
        return bool(_LOST.search(text))
    return bool(_LOST.search(text)) or (bool(_TWICE.search(text)) and mended(text) != text)


def mended(text: str) -> str:
    """The text as it was written, where it was read in the wrong encoding; else as it is."""
    whole = _read_again(text)
    return whole if whole != text else _TWICE.sub(lambda found: _read_again(found[0]), text)


def _read_again(text: str) -> str:
    for encoding in ("cp1252", "latin-1"):
        try:
            return text.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
    return text
