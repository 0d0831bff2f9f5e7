"""The mean target of a level."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data.encoders._columns import places_of
from mapsto.data.levels.base import Labels, LevelEncoding, missing
from mapsto.data.levels.base import Target as TrainingTarget


class Target(LevelEncoding):
    """How far the mean target of a level lies from the overall mean, in deviations of the target.

    Of two classes the share of the second, of more the share of each, or the mean of the number to predict. To each
    level `data.target_smoothing` rows of the overall mean are added, so that a rare level lies near 0; a level that
    training never saw, or saw once, is 0. A missing value counts as a level. A training row is encoded with what the
    other folds of training say: its own target would let the network read it off. Micci-Barreca, "A preprocessing
    scheme for high-cardinality categorical attributes", SIGKDD Explorations 3, 2001.
    """

    needs_target = True

    def __init__(self, column: str, options: Any) -> None:
        super().__init__(column, options)
        self._names: tuple[str, ...] = ()
        self._levels: list[str] = []
        self._means = np.zeros((0, 0))
        self._of_missing: list[float] | None = None
        self._training: NDArray[np.float32] | None = None

    def learn(self, labels: Labels, target: TrainingTarget | None) -> None:
        if target is None:
            raise ValueError("target encoding needs the target of the training rows")
        codes, levels = pd.factorize(labels, use_na_sentinel=True)
        count = len(levels)
        codes = np.where(codes < 0, count, codes)  # missing is the last level
        prior = target.values.mean(axis=0)
        deviation = target.values.std(axis=0)
        values = (target.values - prior) / np.where(deviation > 0, deviation, 1.0)
        sums, rows = _sums(codes, values, count + 1), np.bincount(codes, minlength=count + 1)
        known = np.flatnonzero(rows[:count] > 1)
        known = known[np.argsort(np.asarray(levels, dtype=object)[known], kind="stable")] if len(known) else known
        means = self._smoothed(sums, rows)
        self._names = target.names
        self._levels = [str(levels[place]) for place in known]
        self._means = means[known]
        self._of_missing = means[count].tolist() if missing(labels).any() else None
        if (rows > 0).sum() < 2:
            self._names, self._training = (), None
            return
        encoded = np.zeros(values.shape, dtype=np.float32)
        for fold in np.unique(target.folds):
            inside = np.flatnonzero(target.folds == fold)
            own, own_rows = (
                _sums(codes[inside], values[inside], count + 1),
                np.bincount(codes[inside], minlength=count + 1),
            )
            # The overall mean is that of the other folds too: else it would tell of the fold's own targets.
            outside = len(values) - len(inside)
            shift = (values.sum(axis=0) - values[inside].sum(axis=0)) / max(1, outside)
            others, other_rows = sums - own, rows - own_rows
            others = others - shift * other_rows[:, np.newaxis]
            encoded[inside] = self._smoothed(others, other_rows)[codes[inside]]
        self._training = encoded

    def _smoothed(self, sums: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        weights = rows[:, np.newaxis] + self.options.target_smoothing
        return sums / np.where(weights > 0, weights, 1.0)

    def features(self) -> list[tuple[str, int]]:
        return [(f"mean target of {self.column}" + (f" ({name})" if name else ""), 0) for name in self._names]

    def write(self, features: NDArray[np.float32], labels: Labels) -> None:
        places = places_of(labels, self._levels)
        rows = np.flatnonzero(places >= 0)
        features[rows] = self._means[places[rows]]
        if self._of_missing is not None:
            features[missing(labels)] = self._of_missing

    def of_training(self) -> NDArray[np.float32] | None:
        return self._training

    def remark(self) -> str:
        many = say("levels that become the mean target of each; of a training row, the mean over other rows")
        return many if self._names else ""

    def state(self) -> dict[str, Any]:
        means = self._means.tolist()
        return {"names": list(self._names), "levels": self._levels, "means": means, "of_missing": self._of_missing}

    def load(self, state: dict[str, Any]) -> None:
        self._names, self._levels = tuple(state["names"]), list(state["levels"])
        self._means = np.asarray(state["means"], dtype=np.float64).reshape(len(self._levels), -1)
        self._of_missing = state["of_missing"]


def _sums(codes: NDArray[np.int64], values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The sum of each level's rows, shape `(levels, outputs)`."""
    columns = [np.bincount(codes, weights=values[:, place], minlength=count) for place in range(values.shape[1])]
    return np.stack(columns, axis=1)
