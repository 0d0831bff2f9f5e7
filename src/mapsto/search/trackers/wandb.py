"""Weights & Biases: a run for each training, in a group for the study. https://wandb.ai."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto._imports import require
from mapsto.search.trackers.base import Tracker, result, series

if TYPE_CHECKING:
    from mapsto.search.outcome import Outcome


class Wandb(Tracker):
    """Sends to the project that WANDB_PROJECT names, else `mapsto`; WANDB_MODE=offline writes to the run folder."""

    title: ClassVar[str] = "Weights & Biases"

    def __init__(self, run: Path) -> None:
        require("wandb", extra="services", purpose="Writing trials to Weights & Biases")
        self._run = run.resolve()

    def trial(
        self, name: str, outcome: Outcome, leaves: Mapping[str, Any], epochs: Sequence[Mapping[str, Any]]
    ) -> None:
        import wandb

        own = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "mapsto"),
            group=self._run.name,
            name=name,
            config=dict(leaves),
            tags=[outcome.phase, outcome.state],
            dir=str(self._run),
            reinit="finish_previous",
            settings=wandb.Settings(silent=True, console="off"),
        )
        for epoch in epochs:
            own.log(series(epoch), step=int(epoch["epoch"]))
        own.summary.update({**result(outcome), "cause": outcome.cause})
        own.finish()
