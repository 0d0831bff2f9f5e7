"""A fixed recipe as an estimator of scikit-learn: one training, without a search."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mapsto._given import device_of, first_recipe, made_ready, refuse_ranges
from mapsto.adapters.trainers import trainer_for
from mapsto.errors import TrainingError
from mapsto.estimators.base import Classifier, Estimator, Regressor, Settings
from mapsto.recipe.space import Space
from mapsto.training.base import Ending
from mapsto.training.batches import Tensors

if TYPE_CHECKING:
    from mapsto._given import RecipeLike
    from mapsto.estimators._rows import Rows
    from mapsto.training.fitted import Fitted


class Network(Estimator):
    """One training when it is fitted.

    Args:
        recipe: a YAML file, or settings by dotted name, as for `mapsto.train`; None: what suits the data.
        settings: further settings, by dotted name or in the notation of the command line.
        random_state: of weights, data order and the validation part: a number, a `RandomState`, or None for another
            one each time.

    All rows are learned from but `data.validation_share` of them, by which the best epoch is chosen.
    """

    def __init__(self, recipe: RecipeLike | None = None, settings: Settings = (), random_state: Any = 0) -> None:
        self.recipe, self.settings, self.random_state = recipe, settings, random_state

    def _learn(self, rows: Rows, space: Space) -> Fitted:
        space = Space.from_mapping({"data.test_share": 0}).merged(space)
        refuse_ranges(space, "fit")
        with made_ready(space, rows.frame) as (completed, defaults, prepared):
            recipe = first_recipe(completed, defaults)
            recipe = recipe.replace({"training.seed": recipe.seed})
            trainer = trainer_for(recipe, prepared, Tensors(prepared, device_of(recipe)))
            try:
                for _ in trainer.advance(recipe.training.max_epochs, deadline=math.inf):
                    pass
                if trainer.ending is Ending.DIVERGED and trainer.best is None:
                    raise TrainingError(
                        f"The training came to nothing: {trainer.ending.value}. Lower the learning rate."
                    )
                return trainer.fitted()
            finally:
                trainer.close()


class NetworkClassifier(Classifier, Network):
    """A classifier on tables: one network, trained when it is fitted.

    Example:
        ```python
        model = mp.NetworkClassifier(settings={"training.max_epochs": 10}).fit(X, y, sample_weight=weights)
        model.predict_proba(X_new)
        ```
    """


class NetworkRegressor(Regressor, Network):
    """A regressor on tables: one network, trained when it is fitted."""
