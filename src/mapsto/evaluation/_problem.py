"""What all the baselines of one call share: the data, the time, and which rows are drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import listing, say
from mapsto.evaluation._features import Features, features_for
from mapsto.recipe.seeds import derive

LINEAR_SHARE, TREES_SHARE, PREDICT_SHARE = 0.2, 0.4, 0.2
"""Shares of the time that are planned for; the rest is for reading and encoding, and in reserve."""


@dataclass(frozen=True)
class Problem:
    """What all the baselines of one call share."""

    inputs: NDArray[Any]
    targets: NDArray[Any]
    rows: NDArray[np.int64]
    num_classes: int
    seconds: float
    end: float
    seed: int
    levels: tuple[int, ...] = ()

    @property
    def half_time(self) -> float:
        """When the linear model must have ended, so that the trees have the other half."""
        return self.end - 0.45 * self.seconds

    @cached_property
    def features(self) -> Features:
        """What turns inputs into rows of features, fitted when first asked for."""
        return features_for(self.inputs, self.rows, derive(self.seed, "features"), self.levels)

    def some_rows(self, count: int) -> NDArray[np.int64]:
        """At most `count` training rows, drawn at random, the shares of classes kept and no class left out."""
        rows = np.random.default_rng(derive(self.seed, "rows")).permutation(self.rows)
        if count < len(rows) and self.num_classes:
            classes = self.targets[rows]
            order = np.argsort(classes, kind="stable")
            sizes = np.bincount(classes, minlength=self.num_classes)
            rank = np.empty(len(rows), dtype=np.int64)
            rank[order] = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            # The first row of every class comes first, then the classes advance in step.
            rows = rows[np.argsort(rank / sizes[classes], kind="stable")]
        return np.sort(rows[:count])

    def trained_on(self, count: int, what: str = "rows", total: int | None = None) -> str:
        """`"trained on 5,000 of 51,000 rows"`."""
        total = len(self.rows) if total is None else total
        if count >= total:
            return say("trained on all {total:,} {what}", total=total, what=_UNITS[what])
        return say("trained on {count:,} of {total:,} {what}", count=count, total=total, what=_UNITS[what])


_UNITS = {"rows": say("rows"), "images": say("images"), "pixels": say("pixels")}

Fit = tuple[Callable[[NDArray[Any]], NDArray[Any]], str]
"""What answers prepared inputs, and what should be said of it."""


def joined(*notes: str) -> str:
    """Notes as one, those that say nothing left out."""
    return listing((note for note in notes if note), "; ")
