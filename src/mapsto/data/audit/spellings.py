"""One level, spelled in several ways."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import Message, count, listing, say
from mapsto.data.audit._subject import Subject, listed, shown
from mapsto.data.audit.base import Check, Finding
from mapsto.data.stored import in_pieces
from mapsto.data.table import Kind

_LEVELS = 5000
_SHORTEST = 5  # of words this long one letter is likelier a slip than another word
_RARER = 20  # the slip is at least this many times rarer than the word
# Signs between two letters separate, but at an end they may count (AA-, -pos), as beside digits (1.5, -3, 1/2);
# < > = + % always do.
_BETWEEN = re.compile(r"(?<=[^\W\d])[\s_\-./\\]+(?=[^\W\d])|\s+")
_DECORATION = re.compile(r"(?<!\d)[.,;:!?'\"’‘“”`´]+(?!\d)")

_FULL_WIDTH = {0x3000: " ", **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}}
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


class Spellings(Check):
    """Finds levels that differ in nothing but white space, Unicode form or full width, which are safely one; levels
    that may be one, for they differ in case or punctuation alone; and rare levels that are one letter away from a
    frequent one.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("category",)

    def run(self, subject: Subject) -> list[Finding]:
        found = []
        for column in self.within(subject.columns("category", with_target=True)):
            if column.values.dtype != object or column.label_separator is not None:
                continue
            counts = level_counts(column.values)
            if len(counts) > _LEVELS:
                continue
            name, values = column.name, column.values
            same = forms(counts, shared=True)
            if same:
                found.append(self._same(subject, name, values, same))
            merged: dict[str, int] = defaultdict(int)
            for level, number in counts.items():
                merged[same.get(level, level)] += number
            alike = variants(dict(sorted(merged.items(), key=lambda item: -item[1])))
            if alike:
                found.append(self._alike(subject, name, values, alike))
            near = slips({level: number for level, number in merged.items() if level not in alike})
            if near:
                found.append(self._near(subject, name, values, near))
        return found

    def _same(self, subject: Subject, name: str, values: NDArray[Any], same: Mapping[str, str]) -> Finding:
        rows = _rows_of(values, same)
        message = say(
            "{levels} written as another but for white space or Unicode form, in {rows}: {pairs}.",
            levels=count(len(same), "level"),
            rows=count(len(rows), "row"),
            pairs=_pairs(same),
        )
        action = say("They are read in the plain form.")
        facts = {"spellings": dict(same)}
        return self.finding(subject, message, action, column=name, rows=rows, safe=True, facts=facts)

    def _alike(self, subject: Subject, name: str, values: NDArray[Any], alike: Mapping[str, str]) -> Finding:
        rows = _rows_of(values, alike)
        message = say(
            "{levels} like a more frequent one but for case or punctuation, in {rows}: {pairs}.",
            levels=count(len(alike), "level"),
            rows=count(len(rows), "row"),
            pairs=_pairs(alike),
        )
        action = say("If they mean the same, write them alike in the source.")
        facts = {"spellings": dict(alike)}
        return self.finding(subject, message, action, column=name, rows=rows, facts=facts)

    def _near(self, subject: Subject, name: str, values: NDArray[Any], near: Mapping[str, str]) -> Finding:
        rows = _rows_of(values, near)
        message = say(
            "{levels} one letter away from a frequent one: {listed}.",
            levels=count(len(near), "rare level"),
            listed=listed(near),
        )
        action = say("If they are slips, correct them in the source.")
        facts = {"spellings": dict(near)}
        return self.finding(subject, message, action, column=name, rows=rows, facts=facts)


def plain_form(level: str) -> str:
    """The level in Unicode's composed form, full-width letters and signs as plain ones, and single blanks within.

    Example:
        >>> plain_form("  New   York "), plain_form("Ａ＋"), plain_form("x²")
        ('New York', 'A+', 'x²')
    """
    return " ".join(unicodedata.normalize("NFC", level).translate(_FULL_WIDTH).split())


def forms(levels: Iterable[str], *, shared: bool) -> dict[str, str]:
    """Each level that is not in its plain form, with that form; `shared` leaves out those that are alone with theirs.

    What a level is read as depends on itself alone, never on how frequent others are.
    """
    plain = {level: form for level in levels if (form := plain_form(level))}
    together = Counter(plain.values())
    return {level: form for level, form in plain.items() if level != form and (not shared or together[form] > 1)}


def level_counts(values: Any, *, only: Callable[[str], bool] | None = None) -> dict[str, int]:
    """How often each level (of those that `only` is true of) occurs, the most frequent first."""
    counts: dict[str, int] = defaultdict(int)
    for part in in_pieces(values):
        found, unique = pd.factorize(part)
        here = np.bincount(found[found >= 0], minlength=len(unique)).tolist()
        for level, number in zip(map(str, unique), here, strict=True):
            if only is None or only(level):
                counts[level] += number
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def variants(counts: Mapping[str, int]) -> dict[str, str]:
    """Each level that differs in case, punctuation or compatible signs alone from a more frequent one, with that one;
    the most frequent come first in `counts`.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for level in counts:
        groups[key_of(level)].append(level)
    return {
        other: same[0] for key, same in groups.items() if key and len(same) > 1 for other in same[1:] if len(key) > 1
    }


def key_of(level: str) -> str:
    """What levels have in common that may be spellings of one.

    Example:
        >>> key_of("Self-Employed "), key_of("self employed"), key_of("AA-")
        ('self employed', 'self employed', 'aa-')
    """
    text = unicodedata.normalize("NFKC", level).casefold().strip()
    return _BETWEEN.sub(" ", _DECORATION.sub("", text)).strip()


def slips(counts: Mapping[str, int]) -> dict[str, str]:
    """Rare levels that are one insertion, deletion, change or swap away from a level `_RARER` times as frequent."""
    by_deletion: dict[str, list[str]] = defaultdict(list)
    words = {level: key_of(level) for level in counts}
    usable = {level: key for level, key in words.items() if len(key) >= _SHORTEST and not any(c.isdigit() for c in key)}
    found: dict[str, str] = {}
    for level, key in usable.items():  # from the most frequent on, so what is found first is the likeliest word
        near = {other for shape in _shapes(key) for other in by_deletion.get(shape, ())}
        likely = [other for other in near if counts[other] >= _RARER * counts[level] and _is_near(key, usable[other])]
        if likely:
            found[level] = max(likely, key=lambda other: (counts[other], other))
            continue
        for shape in _shapes(key):
            by_deletion[shape].append(level)
    return found


def _shapes(key: str) -> set[str]:
    """The word, and the word without each of its letters: words one change apart share one (SymSpell)."""
    return {key, *(key[:place] + key[place + 1 :] for place in range(min(len(key), 40)))}


def _is_near(first: str, second: str) -> bool:
    """Whether one change makes one of the other: a letter more or less, two swapped, or the key beside it."""
    if abs(len(first) - len(second)) > 1 or first == second:
        return False
    start = next(
        (i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )
    a, b = first[start:], second[start:]
    swapped = a[:2] == b[1::-1] and a[2:] == b[2:]
    return swapped or a[1:] == b or a == b[1:] or (a[1:] == b[1:] and _are_neighbors(a[0], b[0]))


def _are_neighbors(first: str, second: str) -> bool:
    """Whether two letters lie side by side on a keyboard; another letter makes another word (inland, island)."""
    at = {letter: (row, place) for row, keys in enumerate(_KEYS) for place, letter in enumerate(keys)}
    if first not in at or second not in at:
        return False
    return all(abs(a - b) <= 1 for a, b in zip(at[first], at[second], strict=True))


def _rows_of(values: NDArray[Any], levels: Mapping[str, str]) -> NDArray[np.int64]:
    return np.flatnonzero(pd.Series(values, dtype=object).isin(list(levels)).to_numpy()).astype(np.int64)


def _pairs(levels: Mapping[str, str]) -> Message:
    first = list(levels.items())[:5]
    return listing((say("{wrong} for {right}", wrong=shown(a), right=shown(b)) for a, b in first), "; ")
