"""Batch size, learning rate and number of epochs of a recipe, found in this order and written into it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from mapsto.errors import RecipeError, TrainingError
from mapsto.recipe.seeds import derive
from mapsto.training.finders.batch_size import MEMORY_SHARE, FoundBatch, choose, sizes_for
from mapsto.training.finders.learning_rate import FoundRate, find_rate
from mapsto.training.finders.noise import noise_scale
from mapsto.training.finders.probe import free_memory, probe
from mapsto.training.finders.steps import Advice, advise
from mapsto.training.finders.trial import Trial

if TYPE_CHECKING:
    from mapsto.data.prepare import Prepared
    from mapsto.recipe.schema import Recipe
    from mapsto.training.base import Measurement
    from mapsto.training.batches import Tensors

Finder = Literal["batch_size", "learning_rate", "max_epochs"]
ORDER: tuple[Finder, ...] = get_args(Finder)
"""A batch size changes the best rate, and both change how many steps are worth taking, not the other way round."""

NOISE_ROWS, NOISE_BATCHES = 32, 16
"""The noise is measured over so many batches of so many rows."""

NOISE_MOMENTS = (0.0, 0.02, 0.06)
"""Shares of a whole run after which it is measured: it grows while a network learns. The last one counts."""

MAX_TRAININGS = 3
"""Whole runs that the number of epochs may cost."""


@dataclass(frozen=True)
class FoundEpochs:
    """Whole runs, each with what its best epoch says about the length of the next.

    Attributes:
        max_epochs: the pick.
        runs: number of epochs, best epoch and the score there, of each run in its order.
        advice: after the last one.
    """

    max_epochs: int
    runs: tuple[tuple[int, int, float], ...]
    advice: Advice


@dataclass(frozen=True)
class Found:
    """What the finders say, in their order; None where one was not asked.

    Attributes:
        recipe: with the found values in it.
        settings: those values alone, by dotted name.
    """

    recipe: Recipe
    settings: dict[str, Any]
    batch: FoundBatch | None
    rate: FoundRate | None
    epochs: FoundEpochs | None

    def to_json(self) -> dict[str, Any]:
        """The settings, and what each finder saw, as JSON has it; what is not finite is NaN or infinite here."""
        rate = self.rate
        sweeps = None if rate is None else {"rates": rate.test.rates.tolist(), "losses": rate.test.losses.tolist()}
        return {
            "settings": self.settings,
            "batch_size": None if self.batch is None else asdict(self.batch),
            "learning_rate": None if rate is None else {
                "rate": rate.rate, "cost": rate.cost, "range_test": sweeps, "runs": [asdict(run) for run in rate.runs],
            },
            "max_epochs": None if self.epochs is None else asdict(self.epochs),
        }  # fmt: skip


def find(
    recipe: Recipe,
    prepared: Prepared,
    tensors: Tensors,
    *,
    only: Sequence[str] = ORDER,
    on_progress: Callable[[str], None] = lambda line: None,
) -> Found:
    """Finds the settings that depend most on data and machine, each by short measurements.

    Args:
        recipe: with every setting filled in; what it says of these settings is where the finders begin.
        prepared: the data.
        tensors: the same data on the device.
        only: the finders to ask; their order is fixed.
        on_progress: told what is being done.

    Raises:
        RecipeError: no finder has such a name.
        TrainingError: not even the smallest batch could be trained.
    """
    for name in only:
        if name not in ORDER:
            raise RecipeError(f'No finder is called "{name}". Finders: {", ".join(ORDER)}.')
    settings: dict[str, Any] = {}
    batch, rate, epochs = None, None, None
    if "batch_size" in only:
        on_progress("batch size: memory, throughput and the noise of the gradient")
        batch = find_batch(recipe, prepared, tensors)
        settings["training.batch_size"] = batch.size
        if batch.accumulate_steps != recipe.training.accumulate_steps:
            settings["training.accumulate_steps"] = batch.accumulate_steps
    if "learning_rate" in only:
        on_progress("learning rate: range test and short runs")
        tried = recipe.replace(settings)
        rate = find_rate(
            _starter(tried, prepared, tensors), tried.schedule.factor, _total_steps(tried, prepared, tensors)
        )
        settings["optimizer.learning_rate"] = float(f"{rate.rate:.3g}")
    if "max_epochs" in only:
        on_progress("number of epochs: whole runs")
        epochs = find_epochs(recipe.replace(settings), prepared, tensors)
        settings["training.max_epochs"] = epochs.max_epochs
    return Found(recipe.replace(settings), settings, batch, rate, epochs)


def find_batch(recipe: Recipe, prepared: Prepared, tensors: Tensors) -> FoundBatch:
    """The batch size that suits memory, machine and noise.

    Raises:
        TrainingError: not even the smallest could be trained.
    """
    sizes = sizes_for(len(prepared.parts["train"]))
    limit = int(MEMORY_SHARE * free_memory(tensors.device))
    whole = recipe.replace({"training.accumulate_steps": 1})
    costs = probe(whole, prepared.folder, sizes, tensors.device, limit)
    if not costs:
        raise TrainingError(
            f"A batch of {sizes[0]} rows could not be trained, in a process of its own, within "
            f"{limit / 2**20:,.0f} MB of memory. Take a smaller network or smaller inputs; `mapsto train` tells what "
            f"the fault is."
        )
    return choose(costs, measured_noise(whole, prepared, tensors), sizes, limit)


def measured_noise(recipe: Recipe, prepared: Prepared, tensors: Tensors) -> float:
    """The gradient noise scale in rows, once the first and easiest part of the training is over."""
    rows = min(NOISE_ROWS, max(1, len(prepared.parts["train"]) // NOISE_BATCHES))
    trial = Trial(recipe.replace({"training.batch_size": rows, "training.seed": _seed(recipe)}), prepared, tensors)
    done, found = 0, math.inf
    for share in NOISE_MOMENTS:
        until = round(share * trial.total_steps)
        trial.train_steps([trial.recipe.optimizer.learning_rate] * (until - done))
        done = until
        present = noise_scale(trial.gradients(NOISE_BATCHES), rows)
        found = present if math.isfinite(present) else found
    trial.close()
    return found


def find_epochs(recipe: Recipe, prepared: Prepared, tensors: Tensors) -> FoundEpochs:
    """Trains whole runs, each as long as the one before says, until one is neither too long nor too short."""
    runs: dict[int, Measurement] = {}
    max_epochs = recipe.training.max_epochs
    pick: int | None = None
    while True:
        settings = {"training.max_epochs": max_epochs, "training.patience": 0, "training.seed": _seed(recipe)}
        trial = Trial(recipe.replace(settings), prepared, tensors)
        measured = list(trial.advance(max_epochs))
        runs[max_epochs] = trial.best or measured[-1]
        if pick is None or trial.stopping.is_better(runs[max_epochs], runs[pick]):
            pick = max_epochs
        trial.close()
        advice = advise(runs[max_epochs].epoch, max_epochs)
        if len(runs) == MAX_TRAININGS or advice.max_epochs in runs:
            return FoundEpochs(pick, tuple((epochs, run.epoch, run.score) for epochs, run in runs.items()), advice)
        max_epochs = advice.max_epochs


def _starter(recipe: Recipe, prepared: Prepared, tensors: Tensors) -> Callable[[int], Trial]:
    def start(seed: int) -> Trial:
        return Trial(recipe.replace({"training.seed": derive(_seed(recipe), f"finder {seed}")}), prepared, tensors)

    return start


def _seed(recipe: Recipe) -> int:
    return recipe.seed if recipe.training.seed is None else recipe.training.seed


def _total_steps(recipe: Recipe, prepared: Prepared, tensors: Tensors) -> int:
    trial = Trial(recipe, prepared, tensors)
    steps = trial.total_steps
    trial.close()
    return steps
