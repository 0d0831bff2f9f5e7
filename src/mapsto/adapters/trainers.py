"""What trains a recipe: mapsto's own loop, or Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mapsto.models._handed import handed
from mapsto.models.own import Own
from mapsto.training.loop import TorchTrainer

if TYPE_CHECKING:
    from mapsto.data.prepare import Prepared
    from mapsto.recipe.schema import Recipe
    from mapsto.training.batches import Tensors
    from mapsto.training.epochs import EpochTrainer
    from mapsto.training.trace import Trace


def uses_keras(recipe: Recipe) -> bool:
    """Whether the network of a recipe is a Keras model."""
    return isinstance(recipe.model, Own) and recipe.model.framework == "keras"


def reported_metrics(recipe: Recipe) -> tuple[str, ...]:
    """The names of the metrics that are reported: the task's, and those that came with the user's own network."""
    own = tuple(handed(recipe.model.builder).metrics) if isinstance(recipe.model, Own) else ()
    return (*recipe.task.metrics, *own)


def trainer_for(recipe: Recipe, prepared: Prepared, tensors: Tensors, *, trace: Trace | None = None) -> EpochTrainer:
    """The trainer of a recipe.

    Args:
        recipe: with every setting filled in, `training.seed` too.
        prepared: the data.
        tensors: the same data on the device; shared among trainers.
        trace: where to record; None records nothing.
    """
    if uses_keras(recipe):
        from mapsto.adapters.keras import KerasTrainer  # here, since Keras is imported by nobody else

        return KerasTrainer(recipe, prepared, tensors, trace=trace)
    return TorchTrainer(recipe, prepared, tensors, trace=trace)
