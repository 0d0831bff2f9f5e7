"""Tokenizers whose tokens are found by a rule, and whose vocabulary is the most frequent of them."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from mapsto._messages import say
from mapsto.data.encoders._columns import share
from mapsto.data.tokenizers.base import SPECIAL, UNKNOWN, Learned, Tokenizer


class Counted(Tokenizer):
    """The most frequent `data.vocabulary_size - 2` tokens of training; of equally frequent ones the first by alphabet.

    A subclass says what the tokens of a text are.
    """

    vocabulary: tuple[str, ...] = ()

    @staticmethod
    @abstractmethod
    def split(text: str) -> Sequence[str]:
        """The tokens of a text, in order."""

    def learn(self, texts: Sequence[str]) -> Learned:
        split = [self.split(text) for text in texts]
        counts = Counter(chain.from_iterable(split))
        ranked = sorted(counts, key=lambda token: (-counts[token], token))
        self._keep(ranked[: max(1, self.options.vocabulary_size - len(SPECIAL))])
        total = sum(counts.values())
        unknown = total - sum(counts[token] for token in self.vocabulary)
        remark = say(
            "Texts are read as {known:,} of {different}; {unknown} of the {unit}s in training are unknown.",
            known=len(self.vocabulary),
            different=say(
                "one different {unit}" if len(counts) == 1 else "{number:,} different {unit}s",
                number=len(counts),
                unit=self.unit,
            ),
            unknown=share(unknown, total),
            unit=self.unit,
        )
        return Learned(np.asarray([len(tokens) for tokens in split], dtype=np.int64), remark)

    def _keep(self, vocabulary: Sequence[str]) -> None:
        self.vocabulary = tuple(vocabulary)
        self._ids = {token: number for number, token in enumerate(self.vocabulary, start=len(SPECIAL))}

    def ids(self, texts: Iterable[str], length: int) -> Iterator[list[int]]:
        look_up = self._ids.get
        for text in texts:
            yield [look_up(token, UNKNOWN) for token in self.split(text)[-length:]]

    @property
    def names(self) -> tuple[str, ...]:
        return (*SPECIAL, *self.vocabulary)

    def state(self) -> dict[str, Any]:
        return {"vocabulary": list(self.vocabulary)}

    def load(self, state: dict[str, Any]) -> None:
        self._keep(state["vocabulary"])
