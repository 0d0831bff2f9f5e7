"""How long a training may be where the budget is short: measured from its first steps.

A schedule that is cut ends at a high learning rate, and a network is then worse than one whose schedule was short from
the beginning. So the epochs of a training are fitted to the budget before the first one begins.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mapsto._messages import say
from mapsto.adapters.trainers import trainer_for
from mapsto.data.table import Note
from mapsto.errors import MapstoError
from mapsto.search.making import default_values, num_repeats
from mapsto.search.plan import SHARE_AFTER_EXPLORING
from mapsto.training.base import Tick

if TYPE_CHECKING:
    from mapsto.data.prepare import Prepared
    from mapsto.recipe.schema import Recipe
    from mapsto.recipe.space import Space
    from mapsto.training.batches import Tensors

logger = logging.getLogger("mapsto")

TRAININGS = 3
"""Whole trainings of the default recipe that the time for exploring should hold."""

LEAST_EPOCHS = 3
"""Fewer teach a network too little to tell recipes apart."""

PROBE_SECONDS = 0.5

SCORING_COST = 1 / 3
"""Of scoring a row beside training on it: the way forward without the way back."""


@dataclass(frozen=True)
class Pace:
    """Epochs of the default recipe, and as many as the budget allows."""

    wanted: int
    epochs: int

    @property
    def note(self) -> Note:
        """What the report says of it."""
        message = say(
            "Each training has {epochs} of {wanted} epochs, so that the budget holds several whole ones. A study that "
            "is begun with a larger `--budget` gives them more; `--set training.max_epochs={wanted}` all.",
            epochs=self.epochs,
            wanted=self.wanted,
        )
        return Note("info", message)


def pace(space: Space, defaults: Mapping[str, Any], prepared: Prepared, tensors: Tensors, budget: float) -> Pace | None:
    """What trainings are cut down to by a budget in seconds; None: to nothing, or the user says how many epochs."""
    if "training.max_epochs" in space.leaves:
        return None
    recipe = space.recipe(default_values(space, defaults), defaults)
    seconds = (1 - SHARE_AFTER_EXPLORING) * budget / num_repeats(recipe)
    epochs = epochs_within(recipe, prepared, tensors, seconds)
    wanted = recipe.training.max_epochs
    return Pace(wanted, epochs) if epochs < wanted else None


def epochs_within(recipe: Recipe, prepared: Prepared, tensors: Tensors, seconds: float) -> int:
    """Epochs of a training so that some whole ones take at most so many seconds; never more than the recipe has.

    Args:
        recipe: the default one.
        prepared, tensors: its data.
        seconds: for exploring.
    """
    wanted = recipe.training.max_epochs
    if wanted <= LEAST_EPOCHS:
        return wanted
    try:
        each = epoch_seconds(recipe, prepared, tensors)
    except MapstoError:
        raise
    except Exception:  # whatever the recipe does to torch is for its trial to say
        logger.debug("an epoch could not be measured", exc_info=True)
        return wanted
    return min(wanted, max(LEAST_EPOCHS, int(seconds / (TRAININGS * each)))) if each else wanted


def epoch_seconds(recipe: Recipe, prepared: Prepared, tensors: Tensors) -> float:
    """What an epoch takes with its scoring, from half a second of steps after a first one, which is slower.

    Nothing, where the training diverges before the first measurement.
    """
    recipe = recipe.replace({"training.seed": recipe.seed})
    for probe in (0.0, PROBE_SECONDS):
        trainer = trainer_for(recipe, prepared, tensors)
        ticks: list[tuple[float, int]] = []

        def on_tick(tick: Tick, ticks: list[tuple[float, int]] = ticks) -> None:
            ticks.append((time.perf_counter(), tick.step))

        try:
            started = time.perf_counter()
            measured = next(trainer.advance(1, deadline=started + probe, on_tick=on_tick), None)
            taken, steps = time.perf_counter() - started, trainer.steps_per_epoch
        finally:
            trainer.close()
    if measured is None:
        return 0.0
    if measured.step >= steps:
        return taken
    (first, start), (last, end) = ticks[0], ticks[-1]
    each = (last - first) / (end - start) if end > start else taken / measured.step
    parts = prepared.parts
    return each * steps * (1 + SCORING_COST * len(parts["validation"]) / max(1, len(parts["train"])))
