"""Stops a trial that is worse than the median of the earlier ones at the same epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mapsto.search.pruners.base import Pruner

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


class Median(Pruner):
    """Compares the best score so far with the median of other trials; Golovin et al., "Google Vizier", KDD 2017.

    Not among the first four trials, and not in the first fifth of a training, where scores say little.
    """

    title: ClassVar[str] = "median rule"

    def build(self, max_epochs: int) -> BasePruner:
        from optuna.pruners import MedianPruner  # here, since optuna takes a quarter of a second to import

        return MedianPruner(n_startup_trials=4, n_warmup_steps=max(1, max_epochs // 5), n_min_trials=3)
