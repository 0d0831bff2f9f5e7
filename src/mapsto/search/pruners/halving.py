"""Asynchronous successive halving: at each rung only the best third goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mapsto.search.pruners.base import Pruner

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


class Halving(Pruner):
    """Rungs at a ninth and a third of the epochs. Li et al., "A system for massively parallel hyperparameter tuning",
    2018, arXiv:1810.05934.
    """

    title: ClassVar[str] = "successive halving (ASHA)"

    def build(self, max_epochs: int) -> BasePruner:
        from optuna.pruners import SuccessiveHalvingPruner  # here, since optuna is slow to import

        return SuccessiveHalvingPruner(min_resource=max(1, max_epochs // 9), reduction_factor=3)
