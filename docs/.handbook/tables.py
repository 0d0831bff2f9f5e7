"""Real trainings on small tables that a chapter makes: mapsto's own preparing, trainer, metrics and predictions."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from handbook import runs
from numpy.typing import NDArray

from mapsto.data.prepare import prepare
from mapsto.data.prepared import Prepared
from mapsto.data.read import read
from mapsto.data.table import Part
from mapsto.recipe.families import METRICS
from mapsto.training.batches import Tensors
from mapsto.training.finders.trial import Trial

CLASSES = (
    "task.name=tabular_classification",
    "data.target=y",
    "model.name=mlp",
    "model.hidden_dim=32",
    "optimizer.name=adam",
    "optimizer.learning_rate=0.003",
    "schedule.name=constant",
    "training.batch_size=32",
    "training.max_epochs=15",
    "training.patience=0",
    "training.device=cpu",
)
"""The recipe from which the figures on tables start; their target is called y."""

VALUES = ("task.name=tabular_regression", *CLASSES[1:])
"""The same where the target is a number."""


def prepared(source: Any, *settings: str, base: Iterable[str] = CLASSES, seed: int = 0) -> Prepared:
    """A frame, or arrays by name, split and encoded as a recipe says."""
    made = runs.recipe(*settings, base=base)
    table = read(source, options=made.data)
    return prepare(table, task=made.task, recipe_data=made.data, seed=seed, folder=_folder())


def trained(source: Any, *settings: str, base: Iterable[str] = CLASSES, seed: int = 0) -> Trial:
    """A training that was run to its end; its predictions are those of its best epoch on the validation part."""
    data = source if isinstance(source, Prepared) else prepared(source, *settings, base=base, seed=seed)
    made = runs.recipe(*settings, f"training.seed={seed}", base=base)
    trial = Trial(made, data, Tensors(data, "cpu"))
    trial.history = list(trial.advance(made.training.max_epochs))  # type: ignore[attr-defined]
    return trial


def answers(trial: Trial, part: Part) -> tuple[NDArray[Any], NDArray[Any]]:
    """Predictions for the rows of a part, and the truth, as the metrics take them."""
    rows, data = trial.prepared.parts[part], trial.prepared
    truth = trial.task.truth(np.asarray(data.arrays["targets"][rows]), data.encoders["targets"])
    return trial.predict(rows), truth


def score(trial: Trial, part: Part, metric: str | None = None) -> float:
    """The objective, or another metric, over the rows of a part."""
    chosen = trial.metric if metric is None else METRICS.get(metric)()
    return float(chosen(*answers(trial, part)))


def on_new(trial: Trial, frame: pd.DataFrame) -> float:
    """The share of rows of a new table that are answered rightly; read and encoded as any new data are."""
    found = trial.fitted().predict(frame.drop(columns="y"))["answer"]
    return float((found.to_numpy() == frame["y"].to_numpy()).mean())


def parted(train: int, validation: int, test: int) -> NDArray[np.str_]:
    """A column `split` for rows that are in random order already."""
    return np.repeat(["train", "validation", "test"], [train, validation, test])


def spread(values: Iterable[float]) -> tuple[float, float, float]:
    """Mean, least and greatest."""
    found = np.asarray(list(values))
    return float(found.mean()), float(found.min()), float(found.max())


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="handbook-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
