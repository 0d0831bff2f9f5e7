"""The most frequent levels of a column, and their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data.encoders._columns import natural_order, places_of
from mapsto.data.levels.base import Labels, missing
from mapsto.recipe.schema import DataOptions


def folded(options: DataOptions) -> str:
    """What is said of a column with more levels than are kept."""
    return say(
        "more than {most} levels; the {most} most frequent are kept, all others count as one (`data.max_levels`)",
        most=options.max_levels,
    )


@dataclass(frozen=True)
class Vocabulary:
    """The levels that are kept, and whether training had missing or further ones.

    Example:
        >>> Vocabulary.of(np.array(["b", "a", "b", "c", None], dtype=object), 2)
        Vocabulary(levels=('a', 'b'), missing=True, other=True)
    """

    levels: tuple[str, ...]
    missing: bool
    other: bool

    @classmethod
    def of(cls, labels: Labels, most: int) -> Self:
        """The `most` most frequent levels; of equally frequent ones the first by the alphabet."""
        counts = pd.Series(labels, dtype=object).value_counts()
        ranked = sorted(counts.index, key=lambda level: (-int(counts[level]), level))
        kept = natural_order(ranked[:most])
        return cls(tuple(kept), bool(missing(labels).any()), len(kept) < len(ranked))

    def __len__(self) -> int:
        return len(self.levels) + self.missing + self.other

    def names(self, column: str) -> list[str]:
        """What each number means: `"Sex=male"`, `"Cabin missing"`, `"Cabin other"`."""
        extra = [f"{column} missing"] * self.missing + [f"{column} other"] * self.other
        return [*(f"{column}={level}" for level in self.levels), *extra]

    def places(self, labels: Labels) -> NDArray[np.int64]:
        """The number of each row's level; -1 for none.

        Where training had no other levels, a new one has none: what was always 0 in training has random weights.
        """
        other = len(self.levels) + self.missing if self.other else -1
        places = places_of(labels, self.levels)
        places = np.where(places < 0, other, places)
        return np.where(missing(labels), len(self.levels), places) if self.missing else places

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"levels": list(self.levels), "missing": self.missing, "other": self.other}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Takes what `to_json` gave."""
        return cls(tuple(value["levels"]), value["missing"], value["other"])
