"""Texts and images that are nearly the same."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import count, say
from mapsto.data.audit._pictures import thumbnails
from mapsto.data.audit._subject import SEED, Rows, Subject
from mapsto.data.audit.base import Check, Finding
from mapsto.data.audit.duplicates import image_hashes
from mapsto.data.table import PARTS, Column, Kind

ALIKE = 0.7
"""Texts with this share of their pairs of words in common (Jaccard) are nearly the same."""

BITS = 6
"""Difference hashes of 64 bits that differ in no more are looked at closely."""

SAME_PICTURE = 0.985
"""Correlation of two thumbnails that show the same picture."""

_TEXTS, _WORDS, _SHORTEST = 20_000, 300, 8
_BANDS, _ROWS_OF_BAND = 16, 3
_SMALLEST = 24  # in smaller images different things look the same


class NearDuplicates(Check):
    """Finds texts that are the same but for case, punctuation and blanks, or share most of their pairs of words
    (MinHash, Broder 1997, then counted exactly); and images whose difference hashes are within `BITS` and whose
    thumbnails correlate. Exact duplicates are another check's.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("text", "image")

    def run(self, subject: Subject) -> list[Finding]:
        found = []
        for column in self.within(subject.columns("text")):
            rows = subject.sample(_TEXTS)
            found += self._said(subject, column, rows, text_pairs(column.values[rows]), "text")
        for column in self.within(subject.columns("image")):
            small = thumbnails(subject, column)
            usable = small.whole & (small.sizes.min(axis=1) >= _SMALLEST) & (small.spread > 8)
            rows = small.rows[usable]
            pairs = image_pairs(small.gray[usable])
            if len(pairs):
                exact = image_hashes(column.values[rows[np.unique(pairs)]])
                same = dict(zip(np.unique(pairs).tolist(), exact.tolist(), strict=True))
                pairs = pairs[[same[a] != same[b] for a, b in pairs.tolist()]]
            found += self._said(subject, column, rows, pairs, "image")
        return found

    def _said(self, subject: Subject, column: Column, rows: Rows, pairs: NDArray[np.int64], what: str) -> list[Finding]:
        if not len(pairs):
            return []
        pairs = rows[pairs]
        parts = subject.part_of[pairs]
        crossing = (parts[:, 0] != parts[:, 1]) & (parts.min(axis=1) >= 0)
        later = np.unique(pairs.max(axis=1))
        examples = tuple(f"{subject.example(a)} and {subject.example(b)}" for a, b in pairs[:10])
        rest = say(".")
        if crossing.any():
            rest = say("; {pairs} in different parts.", pairs=count(int(crossing.sum()), "pair"))
        message = say(
            "{items} nearly the same as an earlier one{sample}{rest}",
            items=count(len(later), "image" if what == "image" else "text"),
            sample=subject.said(rows),
            rest=rest,
        )
        action = say(
            "Look at the pairs; put those that are the same into one part (`data.split: group`), or remove them."
        )
        crossed = tuple(PARTS[place] for place in np.unique(parts[crossing]).tolist())
        facts = {"pairs": pairs[:1000].tolist(), "pairs_across": int(crossing.sum())}
        return [
            self.finding(
                subject,
                message,
                action,
                column=column.name,
                rows=later,
                parts=crossed,
                examples=examples,
                facts=facts,
                level="warning" if crossing.any() else "info",
            )
        ]


def normalized(text: str) -> list[str]:
    """The words of a text, in lower case and without punctuation; an ideograph is a word."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    spaced = re.sub(r"([\u3040-\u30ff\u3400-\u9fff])", r" \1 ", plain)
    return re.findall(r"\w+", spaced)[:_WORDS]


def text_pairs(values: NDArray[Any]) -> NDArray[np.int64]:
    """Places of two texts that are nearly but not exactly the same, of shape `(pairs, 2)`."""
    words = [normalized(value) if isinstance(value, str) else [] for value in values]
    lengths = np.array([len(found) for found in words])
    usable = np.flatnonzero(lengths >= 3)
    if len(usable) < 2:
        return np.zeros((0, 2), dtype=np.int64)
    joined = np.array([" ".join(words[place]) for place in usable], dtype=object)
    pairs = set(_same_key(pd.factorize(joined)[0].astype(np.uint64), usable))
    long = usable[lengths[usable] >= _SHORTEST]
    if len(long) > 1:
        codes, _ = pd.factorize(np.array([w for place in long for w in words[place]], dtype=object))
        ends = np.cumsum(lengths[long])
        shingles = _shingles(codes.astype(np.uint64), ends)
        pairs |= _alike(shingles, ends - lengths[long], ends, long)
    # What is the same letter by letter is the duplicates' affair.
    kept = [(a, b) for a, b in sorted(pairs) if values[a] != values[b]]
    return np.array(kept, dtype=np.int64).reshape(-1, 2)


def _shingles(codes: NDArray[np.uint64], ends: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A hash of each word and the next; the last word of a text stands alone."""
    following = np.append(codes[1:], np.uint64(0))
    following[ends - 1] = np.uint64(2**40)
    return _mixed(codes * np.uint64(0x9E3779B97F4A7C15) + _mixed(following))


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    found = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    return found ^ (found >> np.uint64(27))


def _alike(
    shingles: NDArray[np.uint64], starts: NDArray[np.int64], ends: NDArray[np.int64], places: Rows
) -> set[tuple[int, int]]:
    """Pairs whose MinHash signatures agree in a band, and whose shingles do by `ALIKE`."""
    rng = np.random.Generator(np.random.PCG64(SEED))
    candidates: set[tuple[int, int]] = set()
    for _ in range(_BANDS):
        band = np.zeros(len(starts), dtype=np.uint64)
        for _ in range(_ROWS_OF_BAND):
            turned = _mixed(shingles ^ rng.integers(0, 2**63, dtype=np.uint64))
            band = _mixed(band ^ np.minimum.reduceat(turned, starts))
        candidates |= set(_same_key(band, np.arange(len(starts))))
    sets = {}
    for place in {place for pair in candidates for place in pair}:
        sets[place] = set(shingles[starts[place] : ends[place]].tolist())
    return {
        (int(places[a]), int(places[b]))
        for a, b in candidates
        if len(sets[a] & sets[b]) >= ALIKE * len(sets[a] | sets[b])
    }


def _same_key(keys: NDArray[np.uint64], places: Rows) -> list[tuple[int, int]]:
    """Pairs of places with the same key; in a large group each goes with the first."""
    order = np.argsort(keys, kind="stable")
    cuts = np.flatnonzero(np.diff(keys[order])) + 1
    found = []
    for group in np.split(order, cuts):
        if len(group) > 1:
            mates = np.sort(places[group])
            few = mates[:20]
            found += [(int(a), int(b)) for i, a in enumerate(few) for b in few[i + 1 :]]
            found += [(int(mates[0]), int(b)) for b in mates[20:]]
    return found


def image_pairs(gray: NDArray[np.float32]) -> NDArray[np.int64]:
    """Places of two thumbnails of the same picture, of shape `(pairs, 2)`."""
    if len(gray) < 2:
        return np.zeros((0, 2), dtype=np.int64)
    hashed = difference_hashes(gray)
    flat = gray.reshape(len(gray), -1) - gray.mean(axis=(1, 2))[:, None]
    flat = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    found = []
    for start in range(0, len(hashed), 256):
        away = np.bitwise_count(hashed[start : start + 256, None] ^ hashed[None])
        first, second = np.nonzero(away <= BITS)
        first += start
        later = second > first
        first, second = first[later], second[later]
        alike = np.einsum("ij,ij->i", flat[first], flat[second]) >= SAME_PICTURE
        found.append(np.stack([first[alike], second[alike]], axis=1))
    return np.concatenate(found).astype(np.int64)


def difference_hashes(gray: NDArray[np.float32]) -> NDArray[np.uint64]:
    """64 bits an image: whether each of 8 × 8 places is darker than the one to its right (dHash)."""
    height, width = gray.shape[1:]
    rows = np.linspace(0, height, 9).astype(int)
    columns = np.linspace(0, width, 10).astype(int)
    means = np.add.reduceat(np.add.reduceat(gray, rows[:-1], axis=1), columns[:-1], axis=2)
    means = means / (np.diff(rows)[:, None] * np.diff(columns)[None])
    bits = (means[:, :, 1:] > means[:, :, :-1]).reshape(len(gray), 64)
    return np.packbits(bits, axis=1).view(np.uint64)[:, 0]
