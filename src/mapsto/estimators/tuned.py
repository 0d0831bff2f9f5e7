"""A study as an estimator of scikit-learn: the network is tuned when the estimator is fitted."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto import api
from mapsto.estimators.base import Classifier, Estimator, Regressor, Settings
from mapsto.search.run import free_path

if TYPE_CHECKING:
    from mapsto._given import RecipeLike
    from mapsto.estimators._rows import Rows
    from mapsto.evaluation.scorecard import Scorecard
    from mapsto.recipe.space import Space
    from mapsto.training.fitted import Fitted


class Tuned(Estimator):
    """A study when it is fitted.

    Args:
        budget: wall-clock time of `fit`, as text or in seconds; None tunes over `n_trials` recipes.
        n_trials: recipes explored at most.
        recipe: a YAML file, or settings and ranges by dotted name, as for `mapsto.tune`; None: what suits the data.
        settings: further settings and ranges, by dotted name or in the notation of the command line.
        random_state: of everything random: a number, a `RandomState`, or None for another one each time.
        out: where the run folder is kept, with a number behind it from the second `fit` on; None keeps none.

    After `fit`, `scorecard_` says how well the network did on rows that `fit` kept apart to test it.
    """

    scorecard_: Scorecard

    def __init__(
        self,
        budget: str | float | None = "1m",
        n_trials: int | None = None,
        recipe: RecipeLike | None = None,
        settings: Settings = (),
        random_state: Any = 0,
        out: str | Path | None = None,
    ) -> None:
        self.budget, self.n_trials, self.recipe, self.settings = budget, n_trials, recipe, settings
        self.random_state, self.out = random_state, out

    def _learn(self, rows: Rows, space: Space) -> Fitted:
        folder = Path(tempfile.mkdtemp(prefix="mapsto-")) if self.out is None else free_path(Path(self.out))
        try:
            result = api.tune(rows.frame, recipe=space, budget=self.budget, n_trials=self.n_trials, out=folder)
            self.scorecard_ = result.scorecard
            return result.best
        finally:
            if self.out is None:
                shutil.rmtree(folder, ignore_errors=True)


class TunedClassifier(Classifier, Tuned):
    """A classifier on tables whose network is tuned within a budget when it is fitted.

    Example:
        ```python
        model = mp.TunedClassifier(budget="5m").fit(X, y)
        model.predict(X_new)
        ```
    """


class TunedRegressor(Regressor, Tuned):
    """A regressor on tables whose network is tuned within a budget when it is fitted."""
