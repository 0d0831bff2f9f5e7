"""MLflow: a run for each training, in an experiment for the study. https://mlflow.org."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto._imports import require
from mapsto.search.trackers.base import Tracker, result, series

if TYPE_CHECKING:
    from mapsto.search.outcome import Outcome

LONGEST = 500
"""Characters of a setting's value that MLflow takes."""


class MLflow(Tracker):
    """Writes where MLFLOW_TRACKING_URI says; without it, into the run folder's own `mlflow.db`."""

    title: ClassVar[str] = "MLflow"

    def __init__(self, run: Path) -> None:
        require("mlflow", extra="services", purpose="Writing trials to MLflow")
        from mlflow import MlflowClient
        from mlflow.tracking import is_tracking_uri_set

        self._client = MlflowClient(None if is_tracking_uri_set() else f"sqlite:///{(run / 'mlflow.db').resolve()}")
        name = run.resolve().name
        found = self._client.get_experiment_by_name(name)
        self._experiment = self._client.create_experiment(name) if found is None else found.experiment_id

    def trial(
        self, name: str, outcome: Outcome, leaves: Mapping[str, Any], epochs: Sequence[Mapping[str, Any]]
    ) -> None:
        from mlflow.entities import Metric, Param

        tags = {"phase": outcome.phase, "state": outcome.state, "cause": outcome.cause}
        run = self._client.create_run(self._experiment, run_name=name, tags=tags).info
        params = [Param(leaf, str(value)[:LONGEST]) for leaf, value in leaves.items()]
        metrics = [
            Metric(key, value, int(1000 * epoch["seconds"]) + run.start_time, int(epoch["epoch"]))
            for epoch in epochs
            for key, value in series(epoch).items()
        ]
        metrics += [Metric(key, value, run.start_time, 0) for key, value in result(outcome).items()]
        self._client.log_batch(run.run_id, metrics=metrics[:1000], params=params[:100])
        for start in range(1000, len(metrics), 1000):  # at most so many at once
            self._client.log_batch(run.run_id, metrics=metrics[start : start + 1000])
        for start in range(100, len(params), 100):
            self._client.log_batch(run.run_id, params=params[start : start + 100])
        self._client.set_terminated(run.run_id, "FAILED" if outcome.state == "failed" else "FINISHED")
