"""Predictions to a number: the contract of every metric."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

Direction = Literal["maximize", "minimize"]
Form = Literal["probabilities", "labels", "values", "masks"]


class Metric(ABC):
    """One public class a file, named as the file is; no state, no options.

    `predictions` are what the task's `predict` returns: probabilities of shape `(rows, classes)` for classification
    (binary too: two columns), values of shape `(rows,)` in the target's own unit for regression, class ids of shape
    `(rows, height, width)` for segmentation; of several labels a row, a probability each, `(rows, labels)`. `targets`
    are class ids, values, masks of class ids, or a flag of 0 or 1 for each label, `(rows, labels)`.

    - A class id that has no column counts as answered wrongly: the network cannot know that class.
    - In masks, negative ids are void: not scored. In an unsigned array its greatest value (255) stands for -1.
    - Where a prediction is NaN the metric is NaN, so that a network that has diverged never looks good.

    It is called after each epoch on the validation part, and on a few hundred resamples for an interval.
    """

    title: ClassVar[str]
    """What a person calls it, with its unit's meaning: `"accuracy"`, `"mean IoU"`."""

    direction: ClassVar[Direction]
    takes: ClassVar[Form]
    """The form of predictions that it takes."""

    bounds: ClassVar[tuple[float, float]]
    """The least and the greatest value that it can have; infinite where there is no bound."""

    percent: ClassVar[bool] = False
    """Whether it is a share in [0, 1] that reads best as a percentage."""

    binomial: ClassVar[bool] = False
    """Whether it is the share of rows answered rightly, each row right or wrong by itself."""

    @abstractmethod
    def __call__(self, predictions: NDArray[Any], targets: NDArray[Any]) -> float:
        """The metric over these rows; NaN where it is not defined (one class only for ROC-AUC, no rows at all).

        Args:
            predictions: one a row, as above.
            targets: one a row, in the same order.

        Raises:
            ValueError: the shapes do not belong together.
        """


class SumMetric(Metric):
    """A metric that depends on the rows only through sums over them, as a mean does.

    That makes its bootstrap one matrix product: 10,000 rows are resampled 1,000 times in well under a second.
    """

    @abstractmethod
    def terms(self, predictions: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        """What each row adds to the sums, shape `(rows, terms)`; takes what the metric takes."""

    @abstractmethod
    def from_sums(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """The metric from the sums of some rows' terms: shape `(..., terms)` to `(...)`; NaN where undefined."""

    def __call__(self, predictions: NDArray[Any], targets: NDArray[Any]) -> float:
        # A diverged network's infinities give inf or NaN here, which is the answer, not a fault.
        with np.errstate(all="ignore"):
            return float(self.from_sums(self.terms(predictions, targets).sum(axis=0)))
