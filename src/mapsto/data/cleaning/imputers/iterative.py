"""Each missing number by regression on the row's other columns."""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data.cleaning.imputers.base import Imputer
from mapsto.data.cleaning.learned import Learned, over_columns
from mapsto.errors import DataError

ROUNDS = 5
PREDICTORS = 20
"""Columns that one is regressed on, at most: drawn, the correlated ones with a higher chance."""

ROWS, COLUMNS = 20_000, 300
"""Training rows that the regressions are fitted on, at most, and columns that there may be."""


class Iterative(Imputer):
    """Chained equations: a Bayesian ridge regression of each column on others, in five rounds from the means on.

    scikit-learn's `IterativeImputer` finds the regressions; a number told by them is held within the range of its
    column in training. Van Buuren and Groothuis-Oudshoorn, "mice: multivariate imputation by chained equations in R",
    Journal of Statistical Software 45, 2011.
    """

    joint: ClassVar[bool] = True
    says: ClassVar[str] = say("what a regression on the other columns tells")

    def sample(self, columns: int) -> int:
        return ROWS

    def learn(self, values: NDArray[np.float64]) -> Learned:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (scikit-learn asks for it)
        from sklearn.impute import IterativeImputer

        columns = values.shape[1]
        if columns > COLUMNS:
            raise DataError(
                f"`data.missing: iterative` regresses each column of numbers on others, which takes too long with "
                f"{columns:,} of them (at most {COLUMNS}). Set `data.missing` to median or knn."
            )
        few = PREDICTORS if columns > PREDICTORS + 1 else None
        # Columns on one scale, or the ridge would weigh them by their units.
        center, deviation = over_columns(values, np.mean), over_columns(values, np.std, 1.0)
        deviation = np.where(deviation > 0, deviation, 1.0)
        fitted = IterativeImputer(max_iter=ROUNDS, n_nearest_features=few, random_state=0, keep_empty_features=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # five rounds are what is asked for
            fitted.fit((values - center) / deviation)
        rounds = max(1, int(fitted.n_iter_))
        # [column, round, column that it is regressed on]; the last entry of a row is the intercept.
        equations = np.zeros((columns, rounds, columns + 1))
        order = np.full(columns, -1.0)
        for step, triplet in enumerate(fitted.imputation_sequence_):
            turn, place = step // columns, triplet.feat_idx
            order[place] = step % columns
            equations[place, turn, triplet.neighbor_feat_idx] = getattr(triplet.estimator, "coef_", 0.0)
            equations[place, turn, columns] = getattr(triplet.estimator, "intercept_", 0.0)
        scaled = (values - center) / deviation
        return {
            "fill": center,
            "deviation": deviation,
            "order": order,
            "low": np.nanmin(scaled, axis=0),
            "high": np.nanmax(scaled, axis=0),
            "equations": equations,
        }

    def apply(self, values: NDArray[np.float64], learned: Learned) -> None:
        gone = np.isnan(values)
        rows = np.flatnonzero(gone.any(axis=1))
        if not len(rows):
            return
        missing = gone[rows]
        center, deviation, equations = learned["fill"], learned["deviation"], learned["equations"]
        scaled = np.where(missing, 0.0, (values[rows] - center) / deviation)
        for turn in range(equations.shape[1]):
            for place in np.argsort(learned["order"], kind="stable"):
                told = np.flatnonzero(missing[:, place])
                if len(told):
                    answer = _answered(scaled[told], equations[place, turn])
                    scaled[told, place] = np.clip(answer, learned["low"][place], learned["high"][place])
        values[rows] = np.where(missing, scaled * deviation + center, values[rows])


def _answered(scaled: NDArray[np.float64], equation: NDArray[np.float64]) -> NDArray[np.float64]:
    """The regression's value for each row, summed column by column so that it does not depend on the rows beside."""
    answer = np.full(len(scaled), equation[-1])
    for place in np.flatnonzero(equation[:-1]):
        answer += scaled[:, place] * equation[place]
    return answer
