"""A feature a level."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapsto.data.levels._vocabulary import Vocabulary, folded
from mapsto.data.levels.base import Labels, LevelEncoding, Target


class OneHot(LevelEncoding):
    """1 for the row's level, 0 for others: the `data.max_levels` most frequent, one for the rest, one for missing."""

    vocabulary = Vocabulary((), missing=False, other=False)

    def learn(self, labels: Labels, target: Target | None) -> None:
        self.vocabulary = Vocabulary.of(labels, self.options.max_levels)

    def features(self) -> list[tuple[str, int]]:
        return [(name, 2) for name in self.vocabulary.names(self.column)] if len(self.vocabulary) > 1 else []

    def write(self, features: NDArray[np.float32], labels: Labels) -> None:
        places = self.vocabulary.places(labels)
        rows = np.flatnonzero(places >= 0)
        features[rows, places[rows]] = 1.0

    def remark(self) -> str:
        return folded(self.options) if self.vocabulary.other else ""

    def state(self) -> dict[str, Any]:
        return self.vocabulary.to_json()

    def load(self, state: dict[str, Any]) -> None:
        self.vocabulary = Vocabulary.from_json(state)
