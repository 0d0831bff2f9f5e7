"""Tokenizers that learn pieces of words with the library `tokenizers`."""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from mapsto._imports import require
from mapsto._messages import say
from mapsto.data.encoders._columns import share
from mapsto.data.tokenizers._text import UNSPACED, normalized
from mapsto.data.tokenizers.base import SPECIAL, UNKNOWN, Learned, Tokenizer

COVERAGE = 0.9995
"""Share of the training text whose characters are in the vocabulary, as in Kudo and Richardson 2018."""

LONGEST = 64
"""Characters of a word, or of a run of letters without spaces, that are looked at together."""

_START = "▁"
"""Stands before the first letter of every word, so that pieces at the start differ from those inside.

A mark of its own, not a prefix of the library's such as `##`: with it, ids would differ from process to process.
"""

_STARTS = re.compile(rf"(?<!\w)(?=[^\W{UNSPACED}])")
_AT_ONCE = 4096


class Trained(Tokenizer):
    """Pieces of lower-case words; every mark of punctuation is a piece of its own.

    Scripts without spaces have no marks of where words start, so pieces may be several words long. A subclass says how
    pieces are learned and how a word is cut into them.
    """

    unit: ClassVar[str] = say("piece")
    pattern: ClassVar[str] = rf"{_START}?\w{{1,{LONGEST}}}|[^\w\s{_START}]"
    """What is cut into pieces by itself, as a regular expression of the library's."""

    @abstractmethod
    def parts(self, library: Any, trainer: dict[str, Any]) -> tuple[Any, Any]:
        """A model without a vocabulary and its trainer, of `library.models` and `library.trainers`."""

    def learn(self, texts: Sequence[str]) -> Learned:
        library = self._library()
        marked = [_marked(text) for text in texts]
        alphabet = _alphabet(marked, max(1, self.options.vocabulary_size - len(SPECIAL)))
        model, trainer = self.parts(
            library,
            {
                "vocab_size": self.options.vocabulary_size,
                "special_tokens": list(SPECIAL),
                # Ties between rare characters are broken here: the library would break them by chance.
                "initial_alphabet": alphabet,
                "limit_alphabet": len(alphabet),
                "show_progress": False,
            },
        )
        tokenizer = library.Tokenizer(model)
        split = library.pre_tokenizers.Split
        tokenizer.pre_tokenizer = split(library.Regex(self.pattern), behavior="removed", invert=True)
        tokenizer.train_from_iterator(marked, trainer)
        saved = json.loads(tokenizer.to_str())
        saved["added_tokens"] = []  # else "<pad>" in a text would be read as padding
        self.load({"tokenizer": saved})
        found = [encoded.ids for encoded in self._encoded(marked)]
        lengths = np.asarray([len(ids) for ids in found], dtype=np.int64)
        unknown = sum(ids.count(UNKNOWN) for ids in found)
        remark = say(
            "Texts are read as {known:,} different pieces of words, learned from them; {unknown} of the pieces in "
            "training are unknown.",
            known=len(self.names) - len(SPECIAL),
            unknown=share(unknown, int(lengths.sum())),
        )
        return Learned(lengths, remark)

    def _library(self) -> Any:
        name = type(self).__name__.lower()
        return require("tokenizers", extra="text", purpose=f"`data.tokenizer: {name}`")

    def _encoded(self, marked: Sequence[str]) -> Iterator[Any]:
        for start in range(0, len(marked), _AT_ONCE):
            yield from self._tokenizer.encode_batch_fast(marked[start : start + _AT_ONCE], add_special_tokens=False)

    def ids(self, texts: Iterable[str], length: int) -> Iterator[list[int]]:
        for encoded in self._encoded([_marked(text) for text in texts]):
            yield encoded.ids[-length:]

    @property
    def names(self) -> tuple[str, ...]:
        return self._names

    def state(self) -> dict[str, Any]:
        return {"tokenizer": self._saved}

    def load(self, state: dict[str, Any]) -> None:
        self._saved = state["tokenizer"]
        self._tokenizer = self._library().Tokenizer.from_str(json.dumps(self._saved))
        pieces = self._tokenizer.get_vocab(with_added_tokens=False)
        self._names = tuple(_name(piece) for piece in sorted(pieces, key=pieces.__getitem__))


def _marked(text: str) -> str:
    return _STARTS.sub(_START, normalized(text).lower().replace(_START, " "))


def _alphabet(marked: Sequence[str], most: int) -> list[str]:
    """The most frequent characters that make up nearly all of the texts; of equally frequent ones the first."""
    counts: Counter[str] = Counter()
    for text in marked:
        counts.update(text)
    del counts[" "]
    ranked = sorted(counts, key=lambda character: (-counts[character], character))
    covered = np.cumsum([counts[character] for character in ranked])
    enough = int(np.searchsorted(covered, COVERAGE * covered[-1])) + 1 if ranked else 0
    return ranked[: min(most, enough)]


def _name(piece: str) -> str:
    """A piece as a person reads it: whole words and their starts bare, what goes on inside a word after `##`."""
    if piece.startswith(_START) and piece != _START:
        return piece.removeprefix(_START)
    return "##" + piece if re.match(rf"[^\W{UNSPACED}]", piece) else piece
