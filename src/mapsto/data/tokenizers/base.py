"""Texts to whole numbers: the contract of every tokenizer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto.recipe.schema import DataOptions

PAD, UNKNOWN = 0, 1
SPECIAL = ("<pad>", "<unknown>")
"""The names of the first two ids; no token of a text can have them, since `<` parts words."""


@dataclass(frozen=True)
class Learned:
    """What a tokenizer saw of the training texts.

    Attributes:
        lengths: tokens of each text, shape `(texts,)`.
        remark: a sentence on what texts are read as, and what is unknown.
    """

    lengths: NDArray[np.int64]
    remark: str


class Tokenizer(ABC):
    """One public class a file, named as the file is; `data.tokenizer` names it.

    `learn` sees training texts alone, and makes a vocabulary of at most `data.vocabulary_size` ids, padding and unknown
    tokens included. The same texts give the same ids on every machine, whatever their neighbors.
    """

    unit: ClassVar[str]
    """What one token is called in messages, singular."""

    def __init__(self, options: DataOptions) -> None:
        self.options = options

    @abstractmethod
    def learn(self, texts: Sequence[str]) -> Learned:
        """Learns a vocabulary from training texts."""

    @abstractmethod
    def ids(self, texts: Iterable[str], length: int) -> Iterator[list[int]]:
        """The ids of the last `length` tokens of each text, `UNKNOWN` for those that the vocabulary lacks."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The token of every id, those of `SPECIAL` first."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What was learned, as values that JSON holds exactly."""

    @abstractmethod
    def load(self, state: dict[str, Any]) -> None:
        """Takes what `state` gave, instead of `learn`."""
