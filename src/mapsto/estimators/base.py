"""What all estimators share: checking what scikit-learn hands over, answering, saving."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import assert_all_finite, check_consistent_length, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data

from mapsto import _files
from mapsto._given import given_as_space
from mapsto.data.read import MIN_ROWS
from mapsto.errors import RunError
from mapsto.estimators._rows import Rows, class_names, frame_of, rows_of
from mapsto.recipe.space import Space
from mapsto.training.fitted import Fitted

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.utils import Tags

    from mapsto._given import RecipeLike

ESTIMATOR = "estimator.json"

Settings = Mapping[str, Any] | Sequence[str]
"""Values by dotted name, or in the notation of the command line."""


class Estimator(BaseEstimator):  # type: ignore[misc]
    """A network on tables that scikit-learn can fit, clone, validate and put into a pipeline.

    Members say how rows become a `Fitted`. After `fit`, `fitted_` is the network with its preprocessing.
    """

    recipe: RecipeLike | None
    settings: Settings
    random_state: Any
    fitted_: Fitted

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    @abstractmethod
    def _learn(self, rows: Rows, space: Space) -> Fitted:
        """A network from rows.

        Args:
            rows: to learn from.
            space: what the rows ask for, the seed, and over them what the user set.
        """

    def _own_settings(self) -> Mapping[str, Any]:
        """The user's settings by dotted name; those of a mapping are what they are, texts are read."""
        if isinstance(self.settings, Mapping):
            return self.settings
        return Space.from_settings(self.settings).leaves

    def _fit(self, X: pd.DataFrame, y: NDArray[Any], weights: NDArray[np.float64] | None, task: str) -> Self:
        """Learns from what was checked, and targets as mapsto shall know them."""
        rows = rows_of(X, y, weights, seldom=task == "tabular_classification")
        kinds = {rows.target: "category" if task == "tabular_classification" else "numeric"}
        # What is a number in scikit-learn is one here, be it a constant or a count.
        kinds |= {str(name): "numeric" for name in X.columns if X[name].dtype.kind in "iuf"}
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        own = {"task.name": task, "data.target": rows.target, "data.columns": kinds, "seed": seed, **rows.settings}
        space = given_as_space(own).merged(given_as_space(self.recipe, space=self._own_settings()))
        self.fitted_ = self._learn(rows, space).in_double()
        return self

    def _inputs(self, X: Any, *, reset: bool) -> pd.DataFrame:
        """Rows as a frame, checked: their number of columns and names, no infinity, no complex number."""
        if hasattr(X, "columns"):
            validate_data(self, X, reset=reset, skip_check_array=True)
            return frame_of(X)
        return frame_of(validate_data(self, X, reset=reset, dtype=None, ensure_all_finite="allow-nan"))

    def _rows(
        self, X: Any, y: Any, sample_weight: Any, *, numeric: bool
    ) -> tuple[pd.DataFrame, NDArray[Any], NDArray[np.float64] | None]:
        """Inputs as a frame, and targets and weights (if any) as vectors of as many rows."""
        if y is None:
            raise ValueError(f"This {type(self).__name__} estimator requires y to be passed, but the target y is None.")
        frame = self._inputs(X, reset=True)
        if len(frame) < MIN_ROWS:
            raise ValueError(f"Found {len(frame)} sample(s), and at least {MIN_ROWS} are needed.")
        y = column_or_1d(y, dtype=np.float64 if numeric else None, warn=True)
        assert_all_finite(y, input_name="y")
        check_consistent_length(frame, y)
        if sample_weight is None:
            return frame, y, None
        weights = _check_sample_weight(sample_weight, frame, dtype=np.float64, ensure_non_negative=True)
        if not weights.any():
            raise ValueError("Sample weights must contain at least one non-zero number.")
        return frame, y, weights

    def _answers(self, X: Any) -> pd.DataFrame:
        """What the network says of rows with the columns that it was fitted on."""
        return self.fitted_.predict(self._inputs(X, reset=False))

    def save(self, folder: str | Path) -> None:
        """Writes the fitted estimator as a folder, without pickle; `load` reads it.

        Args:
            folder: one that is there is replaced.
        """
        check_is_fitted(self)
        kept = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
            if name in ("classes_", "n_features_in_", "feature_names_in_")
        }
        dtype = self.classes_.dtype.str if hasattr(self, "classes_") else None
        path = Path(folder)
        self.fitted_.save(path)
        _files.write_json(path / ESTIMATOR, {"class": type(self).__name__, "classes_dtype": dtype, **kept})

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """An estimator that `save` wrote, ready to predict; runs no code from the folder.

        Its parameters are the defaults; the recipe that was trained is `fitted_.recipe`.

        Raises:
            RunError: the folder holds no such estimator.
        """
        path = Path(folder)
        if not (path / ESTIMATOR).exists():
            raise RunError(f"{path} holds no estimator ({ESTIMATOR} is not there). `save` of an estimator writes one.")
        kept = _files.read_json(path / ESTIMATOR)
        if kept.pop("class") != cls.__name__:
            raise RunError(f"{path} holds an estimator of another class than {cls.__name__}. Load it with its own.")
        estimator, dtype = cls(), kept.pop("classes_dtype")
        for name, value in kept.items():
            of_classes = np.dtype(dtype) if name == "classes_" else object
            setattr(estimator, name, np.asarray(value, dtype=of_classes) if isinstance(value, list) else value)
        estimator.fitted_ = Fitted.load(path).in_double()
        return estimator


class Classifier(ClassifierMixin, Estimator):  # type: ignore[misc]
    """Fitting and answering with classes."""

    classes_: NDArray[Any]

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learns from rows `X` of shape `(rows, features)` and classes `y` of shape `(rows,)`.

        Args:
            X: an array or a frame; columns of text are categories, and cells may be missing.
            y: numbers or text, at least two classes.
            sample_weight: of shape `(rows,)`, 0 or more. Whole ones are counts of rows; others weigh the loss.
        """
        frame, y, weights = self._rows(X, y, sample_weight, numeric=False)
        check_classification_targets(y)
        self.classes_, places = np.unique(y, return_inverse=True)
        if len(np.unique(places if weights is None else places[weights > 0])) < 2:
            raise ValueError(f"A classifier needs at least two classes, and y holds one class: {self.classes_[0]!r}.")
        names = np.asarray(class_names(list(self.classes_)), dtype=np.object_)
        return self._fit(frame, names[places], weights, "tabular_classification")

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities of shape `(rows, classes)`, columns in the order of `classes_`."""
        check_is_fitted(self)
        answers = self._answers(X)
        names = [f"p({name})" for name in class_names(list(self.classes_))]
        # A class of which no row was trained on has no output.
        return answers.reindex(columns=names, fill_value=0.0).to_numpy(np.float64)

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each row."""
        chosen = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[chosen])


class Regressor(RegressorMixin, Estimator):  # type: ignore[misc]
    """Fitting and answering with numbers."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learns from rows `X` of shape `(rows, features)` and numbers `y` of shape `(rows,)`.

        Args:
            X: an array or a frame; columns of text are categories, and cells may be missing.
            y: finite numbers.
            sample_weight: of shape `(rows,)`, 0 or more. Whole ones are counts of rows; others weigh the loss.
        """
        return self._fit(*self._rows(X, y, sample_weight, numeric=True), "tabular_regression")

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The number for each row, in the unit of `y`."""
        check_is_fitted(self)
        return self._answers(X)["answer"].to_numpy(np.float64)
