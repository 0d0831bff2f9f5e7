"""A fixed number of features, whatever the number of levels."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto.data.levels.base import Labels, LevelEncoding, Target, missing


class Hashing(LevelEncoding):
    """Each level sets one of `data.hash_bins` features to 1 or -1, both told by its hash; nothing is kept of levels.

    Levels that share a feature cannot be told apart unless their signs differ; a level that training never saw has a
    feature too. The hash is the same on every machine. Weinberger et al., "Feature hashing for large scale multitask
    learning", 2009, arXiv:0902.2206.
    """

    keeps_levels = False
    is_constant = True
    has_missing = False

    def learn(self, labels: Labels, target: Target | None) -> None:
        gone = missing(labels)
        self.has_missing = bool(gone.any())
        self.is_constant = len(pd.unique(labels[~gone])) + self.has_missing < 2

    def features(self) -> list[tuple[str, int]]:
        if self.is_constant:
            return []
        bins = [(f"{self.column} hash {place + 1}", 0) for place in range(self.options.hash_bins)]
        return [*bins, *[(f"{self.column} missing", 2)] * self.has_missing]

    def write(self, features: NDArray[np.float32], labels: Labels) -> None:
        codes, levels = pd.factorize(labels)
        hashes = np.asarray([_hash(level) for level in levels] or [0], dtype=np.uint64)
        places = ((hashes >> np.uint64(1)) % np.uint64(self.options.hash_bins)).astype(np.int64)
        signs = np.where(hashes & np.uint64(1), 1.0, -1.0).astype(np.float32)
        rows = np.flatnonzero(codes >= 0)
        features[rows, places[codes[rows]]] = signs[codes[rows]]
        if self.has_missing:
            features[codes < 0, self.options.hash_bins] = 1.0

    def state(self) -> dict[str, Any]:
        return {"is_constant": self.is_constant, "has_missing": self.has_missing}

    def load(self, state: dict[str, Any]) -> None:
        self.is_constant, self.has_missing = state["is_constant"], state["has_missing"]


def _hash(level: str) -> int:
    # Texts from damaged files may hold halves of characters, which plain UTF-8 refuses.
    return int.from_bytes(blake2b(level.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
