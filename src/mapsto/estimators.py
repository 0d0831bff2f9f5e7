"""mapsto at home in scikit-learn: a classifier and a regressor that tune a network when they are fitted."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from mapsto import api
from mapsto.search.run import free_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


class _Tuned(BaseEstimator):  # type: ignore[misc]
    """What the classifier and the regressor share.

    Args:
        budget: wall-clock time of `fit`, as text or in seconds; None tunes over `n_trials` recipes.
        n_trials: recipes explored at most.
        settings: further settings in the notation of the command line.
        seed: of everything random.
        out: where the run folder is kept, with a number behind it from the second `fit` on; None keeps none.

    After `fit`, `fitted_` is the network and `scorecard_` how well it did on rows that `fit` kept apart to test it.
    """

    def __init__(
        self,
        budget: str | float | None = "1m",
        n_trials: int | None = None,
        settings: Sequence[str] = (),
        seed: int = 0,
        out: str | Path | None = None,
    ) -> None:
        self.budget, self.n_trials, self.settings, self.seed, self.out = budget, n_trials, settings, seed, out

    def _fit(self, X: Any, y: Any, task: str) -> Self:
        validate_data(self, X, skip_check_array=True)  # names and number of the columns; cells may be of any kind
        if np.ndim(X) != 2:
            raise ValueError(f"Expected 2D array, got {np.ndim(X)}D array instead: X has the shape (rows, features).")
        folder = Path(tempfile.mkdtemp(prefix="mapsto-")) if self.out is None else free_path(Path(self.out))
        try:
            result = api.tune(
                (X, y),
                task=task,
                settings=self.settings,
                budget=self.budget,
                n_trials=self.n_trials,
                seed=self.seed,
                out=folder,
            )
            self.fitted_, self.scorecard_ = result.best, result.scorecard
        finally:
            if self.out is None:
                shutil.rmtree(folder, ignore_errors=True)
        return self

    def _answers(self, X: Any) -> pd.DataFrame:
        """What the network says of rows with the columns that it was fitted on."""
        check_is_fitted(self)
        validate_data(self, X, reset=False, skip_check_array=True)
        return self.fitted_.predict(X if hasattr(self, "feature_names_in_") else np.asarray(X))


class TunedClassifier(ClassifierMixin, _Tuned):  # type: ignore[misc]
    """A classifier on tables whose network is tuned within a budget when it is fitted.

    Example:
        ```python
        model = mp.TunedClassifier(budget="5m").fit(X, y)
        model.predict(X_new)
        ```
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Tunes a network on rows `X` of shape `(rows, features)` and classes `y` of shape `(rows,)`."""
        check_classification_targets(y)
        self._fit(X, y, "tabular_classification")
        # The classes as the user wrote them: the network knows them by their text, in an order of its own.
        classes = self.fitted_.truth(self.fitted_.read_with_target((X, y)))
        _, first = np.unique(classes, return_index=True)
        self.classes_ = np.asarray(y)[first]
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities of shape `(rows, classes)`, columns in the order of `classes_`."""
        frame = self._answers(X)
        columns = [f"p({name})" for name in self.fitted_.preprocessing.specs["targets"].names]
        return frame[columns].to_numpy(np.float64)

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each row."""
        chosen = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[chosen])


class TunedRegressor(RegressorMixin, _Tuned):  # type: ignore[misc]
    """A regressor on tables whose network is tuned within a budget when it is fitted."""

    def fit(self, X: Any, y: Any) -> Self:
        """Tunes a network on rows `X` of shape `(rows, features)` and numbers `y` of shape `(rows,)`."""
        return self._fit(X, np.asarray(y, dtype=np.float64), "tabular_regression")

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The number for each row, in the unit of `y`."""
        return self._answers(X)["answer"].to_numpy(np.float64)
