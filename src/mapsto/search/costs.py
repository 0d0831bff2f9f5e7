"""What a recipe costs beside its score: objectives that are no metric, and limits beyond which it is infeasible."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mapsto._imports import torch
from mapsto.errors import DataError
from mapsto.recipe.families import METRICS
from mapsto.recipe.sections import COSTS
from mapsto.search.jobs import Limits

if TYPE_CHECKING:
    from mapsto.metrics.base import Direction
    from mapsto.recipe.schema import Recipe
    from mapsto.training.base import Measurement
    from mapsto.training.epochs import EpochTrainer

WARM_UP, REPEATS = 5, 31
"""Answers that are not counted, and those whose median is the latency."""

MIN_GROUP = 10
"""Validation rows that a group must have for `fairness_gap` to count it: below, its metric is chance."""


def names(recipe: Recipe) -> tuple[str, ...]:
    """Every objective, the first one first."""
    return (recipe.search.metric or recipe.task.metrics[0], *recipe.search.objectives)


def directions(recipe: Recipe) -> tuple[Direction, ...]:
    """Of the objectives, in their order."""
    return tuple("minimize" if name in COSTS else METRICS.get(name).direction for name in names(recipe))


class Costs:
    """Measures one recipe.

    Attributes:
        names: of every objective, the first one first; what `values` gives.
        violations: limits that it is beyond, and by how much of the limit.
    """

    def __init__(self, recipe: Recipe, limits: Limits) -> None:
        self.recipe, self.limits = recipe, limits
        self.further = recipe.search.objectives
        self.names = names(recipe)
        self.violations: dict[str, float] = {}
        self.latency: float | None = None
        self._device, self._at_first = "cpu", 0
        self._groups: NDArray[Any] | None = None

    def look(self, trainer: EpochTrainer) -> None:
        """Measures what can be known before a step is trained."""
        self._beyond("parameters", trainer.num_parameters, self.limits.parameters)
        if self.limits.latency is not None or "latency" in self.further:
            self.latency = latency(trainer)
            self._beyond("latency", self.latency, self.limits.latency)
        self._device = trainer.tensors.device
        self._at_first = _memory(self._device)

    def too_much_memory(self) -> bool:
        """Whether the training has taken more memory than it may."""
        if self.limits.memory is not None:
            self._beyond("memory", _memory(self._device) - self._at_first, self.limits.memory)
        return bool(self.violations)

    def said(self) -> str:
        """Which limits it is beyond, in words."""
        limits = {
            "parameters": f"{self.limits.parameters:,} parameters" if self.limits.parameters else "",
            "latency": f"{self.limits.latency:g} ms a row" if self.limits.latency else "",
            "memory": f"{self.recipe.search.max_memory} of memory",
        }
        return "; ".join(
            f"{share:.0%} more than the {limits[name]} that are allowed" for name, share in self.violations.items()
        )

    def objectives(self, trainer: EpochTrainer, measurement: Measurement) -> tuple[float, ...]:
        """The further objectives at one measurement, in their order."""
        metrics = dict(zip((n for n in self.further if n not in COSTS), measurement.others, strict=True))
        costs = {
            "parameters": lambda: float(trainer.num_parameters),
            "latency": lambda: float(self.latency or 0.0),
            "train_seconds": lambda: measurement.seconds,
            "fairness_gap": lambda: self._fairness_gap(trainer),
        }
        return tuple(metrics[name] if name in metrics else costs[name]() for name in self.further)

    def values(self, trainer: EpochTrainer, best: Measurement) -> dict[str, float]:
        """Every objective of the best weights, by name; nothing where there is one objective only."""
        if not self.further:
            return {}
        return dict(zip(self.names, (best.score, *self.objectives(trainer, best)), strict=True))

    def _beyond(self, name: str, value: float, limit: float | None) -> None:
        if limit is not None and value > limit:
            self.violations[name] = value / limit - 1.0

    def _fairness_gap(self, trainer: EpochTrainer) -> float:
        """The largest difference of the metric between two groups of validation rows."""
        prepared, rows = trainer.prepared, trainer.prepared.parts["validation"]
        if self._groups is None:
            self._groups = prepared.column(str(self.recipe.search.fairness_column))[rows].astype(str)
        predictions = trainer.predict(rows)
        truth = trainer.task.truth(np.asarray(prepared.arrays["targets"][rows]), prepared.encoders["targets"])
        names, counts = np.unique(self._groups, return_counts=True)
        scores = [
            float(trainer.metric(predictions[self._groups == name], truth[self._groups == name]))
            for name in names[counts >= MIN_GROUP]
        ]
        if len(scores) < 2:
            raise DataError(
                f"fairness_gap compares groups of at least {MIN_GROUP} validation rows, and "
                f"{self.recipe.search.fairness_column} has {len(scores)} such group. Name another "
                f"`search.fairness_column`, or give a larger `data.validation_share`."
            )
        return max(scores) - min(scores)


def latency(trainer: EpochTrainer) -> float:
    """Milliseconds for the answer to one row: the median of some, after a few that are not counted."""
    rows = torch.as_tensor(trainer.prepared.parts["validation"][:1].astype(np.int64), device=trainer.tensors.device)
    batch = trainer.tensors.take(rows)
    on_gpu = torch.device(trainer.tensors.device).type == "cuda"
    times = []
    trainer.network.eval()
    with torch.inference_mode():
        for _ in range(WARM_UP + REPEATS):
            started = time.perf_counter()
            trainer.task.forward(trainer.network, batch)
            if on_gpu:
                torch.cuda.synchronize()
            times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times[WARM_UP:])


def _memory(device: str) -> int:
    """Bytes in use on the device: a GPU's largest allocation so far, or what the process holds of the machine's."""
    if device.startswith("cuda") and torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return resident()


def resident() -> int:
    """Bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
