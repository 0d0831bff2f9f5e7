"""One level, spelled in several ways."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto.data.audit._subject import Subject, count, listed, shown
from mapsto.data.audit.base import Check, Finding
from mapsto.data.table import Kind

_LEVELS = 5000
_SHORTEST = 5  # of words this long one letter is likelier a slip than another word
_RARER = 20  # the slip is at least this many times rarer than the word
# Signs between letters separate or decorate; beside digits they may count (1.5, -3, 1/2), and < > = + % always do.
_BETWEEN = re.compile(r"(?<!\d)[\s_\-./\\]+(?!\d)|\s+")
_DECORATION = re.compile(r"(?<!\d)[.,;:!?'\"’‘“”`´]+(?!\d)")

_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


class Spellings(Check):
    """Finds levels that differ in nothing but case, blanks, punctuation or unicode form, which are safely one, and rare
    levels that are one letter away from a frequent one.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("category",)

    def run(self, subject: Subject) -> list[Finding]:
        found = []
        for column in self.within(subject.columns("category", with_target=True)):
            if column.values.dtype != object:
                continue
            counts = level_counts(column.values)
            if len(counts) > _LEVELS:
                continue
            same = variants(counts)
            if same:
                found.append(self._same(subject, column.name, column.values, same))
            near = slips({level: n for level, n in counts.items() if level not in same})
            if near:
                found.append(self._near(subject, column.name, column.values, near))
        return found

    def _same(self, subject: Subject, name: str, values: NDArray[Any], same: Mapping[str, str]) -> Finding:
        rows = _rows_of(values, same)
        shown_pairs = "; ".join(f"{shown(wrong)} for {shown(right)}" for wrong, right in list(same.items())[:5])
        message = f"{count(len(same), 'level')} spelled otherwise than another, in {count(len(rows), 'row')}: "
        action = "They are read as the most frequent spelling."
        facts = {"spellings": dict(same)}
        return self.finding(subject, f"{message}{shown_pairs}.", action, column=name, rows=rows, safe=True, facts=facts)

    def _near(self, subject: Subject, name: str, values: NDArray[Any], near: Mapping[str, str]) -> Finding:
        rows = _rows_of(values, near)
        message = f"{count(len(near), 'rare level')} one letter away from a frequent one: {listed(near)}."
        action = "If they are slips, correct them in the source."
        facts = {"spellings": dict(near)}
        return self.finding(subject, message, action, column=name, rows=rows, facts=facts)


def level_counts(values: NDArray[Any]) -> dict[str, int]:
    """How often each level occurs, the most frequent first."""
    found, unique = pd.factorize(values)
    counts = np.bincount(found[found >= 0], minlength=len(unique))
    order = np.argsort(-counts, kind="stable")
    return {str(unique[place]): int(counts[place]) for place in order}


def variants(counts: Mapping[str, int]) -> dict[str, str]:
    """Each spelling that is not the most frequent of its level, with the one that is."""
    groups: dict[str, list[str]] = defaultdict(list)
    for level in counts:
        groups[key_of(level)].append(level)
    return {
        other: same[0] for key, same in groups.items() if key and len(same) > 1 for other in same[1:] if len(key) > 1
    }


def key_of(level: str) -> str:
    """What spellings of one level have in common.

    Example:
        >>> key_of("Self-Employed "), key_of("self employed"), key_of("-1.5")
        ('self employed', 'self employed', '-1.5')
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
