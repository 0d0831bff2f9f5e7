"""A number a level, for a network that learns a vector for each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapsto.data.levels._vocabulary import Vocabulary, folded
from mapsto.data.levels.base import Labels, LevelEncoding, Target


class Embedding(LevelEncoding):
    """One feature that holds the level's number, from 1 on; 0 is a level that training never saw.

    The network looks the number up in a table of vectors, which it learns (`model.embedding_dim`). Guo and Berkhahn,
    "Entity embeddings of categorical variables", 2016, arXiv:1604.06737.
    """

    vocabulary = Vocabulary((), missing=False, other=False)

    def learn(self, labels: Labels, target: Target | None) -> None:
        self.vocabulary = Vocabulary.of(labels, self.options.max_levels)

    def features(self) -> list[tuple[str, int]]:
        count = len(self.vocabulary)
        return [(self.column, count + 1)] if count > 1 else []

    def write(self, features: NDArray[np.float32], labels: Labels) -> None:
        features[:, 0] = self.vocabulary.places(labels) + 1

    def remark(self) -> str:
        return folded(self.options) if self.vocabulary.other else ""

    def state(self) -> dict[str, Any]:
        return self.vocabulary.to_json()

    def load(self, state: dict[str, Any]) -> None:
        self.vocabulary = Vocabulary.from_json(state)
