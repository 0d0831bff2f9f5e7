"""Columns of text to sequences of word ids."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.data.encoders._columns import counted, opening, share, texts
from mapsto.data.encoders.base import Encoder, Spec
from mapsto.data.table import Note, Table
from mapsto.errors import DataError

PAD, UNKNOWN = 0, 1
SPECIAL = ("<pad>", "<unknown>")
"""The names of the first two ids; no word of a text can have them, since `<` parts words."""

# Chinese characters and Japanese kana are written without spaces between words, so each stands for itself.
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
_WORD = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+(?:'[^\W{_CJK}]+)*")
_TAG = re.compile(r"<br\s*/?>", re.IGNORECASE)


def words(text: str) -> list[str]:
    """Splits a text into lower-case words; punctuation and line-break tags part them and are dropped.

    Example:
        >>> words("It's GREAT.<br />很好")
        ["it's", 'great', '很', '好']
    """
    return _WORD.findall(_TAG.sub(" ", text).replace("’", "'").lower())


class Tokens(Encoder):
    """Texts to int32 of shape `(rows, length)`: word ids, 0 on the left as padding, 1 for unknown words.

    The vocabulary is the most frequent `data.vocabulary_size - 2` words of the training rows, of equally frequent ones
    the first by alphabet. `length` is that of the longest training text, rounded up to a multiple of 8, at most
    `data.max_length`; of a longer text the last words are kept, where reviews put their verdict. Several columns of
    text are read as one, in order.
    """

    kinds: ClassVar[tuple[str, ...]] = ("text", "category")

    vocabulary: tuple[str, ...] = ()
    length: int = 0

    def fit(self, table: Table, rows: NDArray[np.int64]) -> list[Note]:
        split = list(self._split(table.take(rows)))
        counts = Counter(chain.from_iterable(split))
        if not counts:
            raise DataError(
                f'The text "{self.columns[0]}" of {table.name} has no word in any of the '
                f"{counted(len(rows), 'training row')}. Name the column that holds text with "
                f"`--set data.columns.<name>=text`."
            )
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        self.vocabulary = tuple(ranked[: max(1, self.options.vocabulary_size - len(SPECIAL))])
        lengths = np.asarray([len(text) for text in split])
        self.length = min(self.options.max_length, -(-int(lengths.max()) // 8) * 8)
        self._ids = self._numbered()
        return self._notes(counts, lengths)

    def _notes(self, counts: Counter[str], lengths: NDArray[np.int64]) -> list[Note]:
        column, total = self.columns[0], sum(counts.values())
        known = sum(counts[word] for word in self.vocabulary)
        notes = [
            Note(
                "info",
                f"Texts are read as {len(self.vocabulary):,} of {counted(len(counts), 'different word')}; "
                f"{share(total - known, total)} of the words in training are unknown.",
                column,
            )
        ]
        cut = int((lengths > self.length).sum())
        if cut:
            message = f"{share(cut, len(lengths))} of the training texts are longer than {self.length} words"
            notes.append(Note("info", f"{message}; their last {self.length} are kept (`data.max_length`).", column))
        empty = int((lengths == 0).sum())
        if empty:
            notes.append(Note("warning", f"{opening(empty, 'training text')} held no word at all.", column))
        return notes

    def _split(self, table: Table) -> Iterator[list[str]]:
        for parts in zip(*(texts(table, name) for name in self.columns), strict=True):
            yield words(" ".join(part for part in parts if part))

    def _numbered(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.vocabulary, start=len(SPECIAL))}

    def encode(self, table: Table) -> NDArray[Any]:
        ids = np.full((len(table), self.length), PAD, dtype=np.int32)
        look_up = self._ids.get
        for row, text in enumerate(self._split(table)):
            kept = text[-self.length :]
            if kept:
                ids[row, -len(kept) :] = [look_up(word, UNKNOWN) for word in kept]
        return ids

    @property
    def spec(self) -> Spec:
        return Spec(encoder="tokens", shape=(self.length,), dtype="int32", names=(*SPECIAL, *self.vocabulary))

    def state(self) -> dict[str, Any]:
        return {"length": self.length, "vocabulary": list(self.vocabulary)}

    def load(self, state: dict[str, Any]) -> None:
        self.vocabulary, self.length = tuple(state["vocabulary"]), int(state["length"])
        self._ids = self._numbered()
