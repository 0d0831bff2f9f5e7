"""Columns of text to sequences of token ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data.encoders._columns import counted, opening, share, texts
from mapsto.data.encoders.base import Encoder, Spec
from mapsto.data.table import Note, Table
from mapsto.data.tokenizers._text import has_mostly_no_words
from mapsto.data.tokenizers.base import PAD, Tokenizer
from mapsto.errors import DataError
from mapsto.recipe.families import TOKENIZERS

AUTO_IN_RUNS, AUTO = "characters", "words"
"""What `data.tokenizer: auto` is for texts mostly in a script like Thai, and for all others.

Chinese and Japanese stay with words, of which each of their characters is one: so networks did better on them.
"""


class Tokens(Encoder):
    """Texts to int32 of shape `(rows, length)`: token ids, 0 on the left as padding, 1 for unknown tokens.

    What a token is, and which are known, is `data.tokenizer`'s business. `length` is that of the longest training text,
    rounded up to a multiple of 8, at most `data.max_length`; of a longer text the last tokens are kept, where reviews
    put their verdict. Several columns of text are read as one, in order.
    """

    kinds: ClassVar[tuple[str, ...]] = ("text", "category")

    tokenizer: Tokenizer
    name: str = ""
    length: int = 0

    def fit(self, table: Table, rows: NDArray[np.int64]) -> list[Note]:
        training = list(self._texts(table.take(rows)))
        is_auto = self.options.tokenizer == "auto"
        is_in_runs = is_auto and has_mostly_no_words(training)
        self._take(self.options.tokenizer if not is_auto else AUTO_IN_RUNS if is_in_runs else AUTO)
        learned = self.tokenizer.learn(training)
        lengths, unit = learned.lengths, self.tokenizer.unit
        if not lengths.any():
            raise DataError(
                f'The text "{self.columns[0]}" of {table.name} has no {unit} in any of the '
                f"{counted(len(rows), 'training row')}. Name the column that holds text with "
                f"`--set data.columns.<name>=text`."
            )
        self.length = min(self.options.max_length, -(-int(lengths.max()) // 8) * 8)
        messages = [learned.remark]
        if is_in_runs:
            messages.insert(
                0,
                say(
                    "Most letters of the texts are of a script in which no space parts words, so they are read as "
                    "{unit}s (`data.tokenizer`).",
                    unit=unit,
                ),
            )
        return [*(Note("info", message, self.columns[0]) for message in messages), *self._notes(lengths)]

    def _notes(self, lengths: NDArray[np.int64]) -> list[Note]:
        column, unit, notes = self.columns[0], self.tokenizer.unit, []
        cut = int((lengths > self.length).sum())
        if cut:
            message = say(
                "{share} of the training texts are longer than {length} {unit}s; their last {length} are kept "
                "(`data.max_length`).",
                share=share(cut, len(lengths)),
                length=self.length,
                unit=unit,
            )
            notes.append(Note("info", message, column))
        empty = int((lengths == 0).sum())
        if empty:
            message = say("{texts} held no {unit} at all.", texts=opening(empty, "training text"), unit=unit)
            notes.append(Note("warning", message, column))
        return notes

    def _take(self, name: str) -> None:
        self.name, self.tokenizer = name, TOKENIZERS.get(name)(self.options)

    def _texts(self, table: Table) -> Iterator[str]:
        for parts in zip(*(texts(table, name) for name in self.columns), strict=True):
            yield " ".join(part for part in parts if part)

    def encode(self, table: Table) -> NDArray[Any]:
        ids = np.full((len(table), self.length), PAD, dtype=np.int32)
        for row, kept in enumerate(self.tokenizer.ids(self._texts(table), self.length)):
            if kept:
                ids[row, -len(kept) :] = kept
        return ids

    @property
    def spec(self) -> Spec:
        return Spec(encoder="tokens", shape=(self.length,), dtype="int32", names=self.tokenizer.names)

    def state(self) -> dict[str, Any]:
        return {"length": self.length, "tokenizer": self.name, "learned": self.tokenizer.state()}

    def load(self, state: dict[str, Any]) -> None:
        self._take(state["tokenizer"])
        self.tokenizer.load(state["learned"])
        self.length = int(state["length"])
