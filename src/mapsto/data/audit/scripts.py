"""Text in several languages or scripts."""

from __future__ import annotations

import re
from collections import Counter
from typing import ClassVar

import numpy as np

from mapsto._messages import listing, say
from mapsto.data.audit._subject import Subject, percent
from mapsto.data.audit.base import Check, Finding
from mapsto.data.table import Kind

_ROWS, _LETTERS = 20_000, 1000
_LEAST = 0.01

# Letters of each script; kana before ideographs, since Japanese has both.
_SCRIPTS = {
    "Latin": re.compile("[A-Za-zÀ-ɏ]"),
    "Japanese": re.compile("[\u3040-\u30ff]"),
    "Chinese": re.compile("[\u3400-\u4dbf\u4e00-\u9fff]"),
    "Korean": re.compile("[\uac00-\ud7af]"),
    "Cyrillic": re.compile("[\u0400-\u04ff]"),
    "Greek": re.compile("[\u0370-\u03ff]"),
    "Arabic": re.compile("[\u0600-\u06ff]"),
    "Hebrew": re.compile("[\u0590-\u05ff]"),
    "Devanagari": re.compile("[\u0900-\u097f]"),
    "Thai": re.compile("[\u0e00-\u0e7f]"),
}

# The commonest words that a language has for itself; enough to tell sentences apart, not more.
_WORDS = {
    "English": "the and of to is that it was for with this but are have not you his they at be from".split(),
    "German": "der die und das ist nicht ein eine zu den mit auf für von dem sich auch wird im ich".split(),
    "French": "le les et des est une dans pour qui pas sur au avec ce il elle nous vous cette sont".split(),
    "Spanish": "el los las y en una por con para del se su como más pero es lo al está muy".split(),
    "Italian": "il di che è per una sono della con non del gli alla anche più ma nel questo si ha".split(),
    "Portuguese": "o os as um uma não com para por mais dos da do em como ao são na no foi".split(),
    "Dutch": "het een van en dat niet ik zijn voor met op te aan er maar ook als bij wordt deze".split(),
}
_LANGUAGE_OF = {name: frozenset(words) for name, words in _WORDS.items()}


class Scripts(Check):
    """Finds text columns of which at least 1 % of the rows are in another script or language than most."""

    kinds: ClassVar[tuple[Kind, ...]] = ("text",)

    def run(self, subject: Subject) -> list[Finding]:
        found = []
        rows = subject.sample(_ROWS)
        for column in self.within(subject.columns("text")):
            told = [tongue(value) if isinstance(value, str) else None for value in column.values[rows]]
            counts = Counter(name for name in told if name is not None)
            known = sum(counts.values())
            rare = [name for name, n in counts.most_common()[1:] if n >= max(3, _LEAST * known)]
            if not rare:
                continue
            most, top = counts.most_common(1)[0]
            other = rows[np.array([name in rare for name in told])]
            shares = listing(f"{name} {percent(counts[name], known)}" for name in [most, *rare])
            message = say(
                "Text in several languages or scripts: {shares}{sample}.", shares=shares, sample=subject.said(rows)
            )
            action = say("If they are there by mistake, remove them; else be sure that every part has all of them.")
            facts = {"counts": dict(counts)}
            more = {"column": column.name, "rows": other, "facts": facts}
            found.append(
                self.finding(subject, message, action, level="info" if top < 0.5 * known else "warning", **more)
            )
        return found


def tongue(text: str) -> str | None:
    """The language or script of a text, None where it is too short to tell.

    Example:
        >>> tongue("Das ist nicht der Ort, den ich mit dir sah"), tongue("这家酒店很好，下次还会来住")
        ('German', 'Chinese')
    """
    text = text[:_LETTERS]
    if text.isascii():
        script, letters = "Latin", len(text)
    else:
        tallies = {name: len(pattern.findall(text)) for name, pattern in _SCRIPTS.items()}
        if tallies["Japanese"] > 0.1 * tallies["Chinese"]:
            tallies["Japanese"] += tallies["Chinese"]
        script = max(tallies, key=lambda name: tallies[name])
        letters = tallies[script]
    if script != "Latin":
        return script if letters >= 3 else None
    words = re.findall(r"[^\W\d_]+", text.lower())
    hits = {name: sum(word in known for word in words) for name, known in _LANGUAGE_OF.items()}
    first, second = sorted(hits.values(), reverse=True)[:2]
    if first < 3 or first < 2 * second or first < 0.1 * len(words):
        return None
    return max(hits, key=lambda name: hits[name])
