"""mapsto tunes deep neural networks: data and a budget in, the best network and the evidence out.

    import mapsto as mp

    result = mp.tune("churn.csv", target="churned", budget="10m")
    result.best.predict(frame)

The names below are loaded when first used, so that `import mapsto` answers at once.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from mapsto._triton_first import keep_apart

keep_apart()
# Read when torch is loaded. Threads that spin while they wait make small networks many times slower beside other work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mapsto import report as report
    from mapsto.adapters.reporting import report_values
    from mapsto.api import evaluate, load, open_run, predict, resume, train, tune
    from mapsto.errors import (
        DataError,
        MapstoError,
        MissingPackage,
        ModelError,
        RecipeError,
        RunError,
        TrainingError,
    )
    from mapsto.estimators import NetworkClassifier, NetworkRegressor, TunedClassifier, TunedRegressor
    from mapsto.models._handed import Network
    from mapsto.preview import audit, check, datasets, download, find, init, schema, show
    from mapsto.recipe.ranges import choice, log, uniform
    from mapsto.recipe.ranges import integer as int
    from mapsto.recipe.schema import Recipe
    from mapsto.recipe.space import Space
    from mapsto.result import Result
    from mapsto.search.command_study import resume_command, tune_command, tune_sweep
    from mapsto.search.objective_study import tune_objective
    from mapsto.training.finders.own import find_learning_rate
    from mapsto.training.fitted import Fitted
    from mapsto.training.gradients import check_gradients

_PLACES = {
    "mapsto.api": ("evaluate", "load", "open_run", "predict", "resume", "train", "tune"),
    "mapsto.preview": ("audit", "check", "datasets", "download", "find", "init", "schema", "show"),
    "mapsto.adapters.reporting": ("report_values",),
    "mapsto.models._handed": ("Network",),
    "mapsto.search.command_study": ("resume_command", "tune_command", "tune_sweep"),
    "mapsto.search.objective_study": ("tune_objective",),
    "mapsto.errors": (
        "DataError", "MapstoError", "MissingPackage", "ModelError", "RecipeError", "RunError", "TrainingError",
    ),
    "mapsto.estimators": ("NetworkClassifier", "NetworkRegressor", "TunedClassifier", "TunedRegressor"),
    "mapsto.recipe.ranges": ("choice", "log", "uniform"),
    "mapsto.recipe.schema": ("Recipe",),
    "mapsto.recipe.space": ("Space",),
    "mapsto.result": ("Result",),
    "mapsto.training.finders.own": ("find_learning_rate",),
    "mapsto.training.fitted": ("Fitted",),
    "mapsto.training.gradients": ("check_gradients",),
}  # fmt: skip
_HOME = {name: (module, name) for module, names in _PLACES.items() for name in names}
_HOME["int"] = ("mapsto.recipe.ranges", "integer")

__all__ = [
    "DataError",
    "Fitted",
    "MapstoError",
    "MissingPackage",
    "ModelError",
    "Network",
    "NetworkClassifier",
    "NetworkRegressor",
    "Recipe",
    "RecipeError",
    "Result",
    "RunError",
    "Space",
    "TrainingError",
    "TunedClassifier",
    "TunedRegressor",
    "audit",
    "check",
    "check_gradients",
    "choice",
    "datasets",
    "download",
    "evaluate",
    "find",
    "find_learning_rate",
    "init",
    "int",
    "load",
    "log",
    "open_run",
    "predict",
    "report",
    "report_values",
    "resume",
    "resume_command",
    "schema",
    "show",
    "train",
    "tune",
    "tune_command",
    "tune_objective",
    "tune_sweep",
    "uniform",
]


def __getattr__(name: str) -> Any:
    if name == "report":  # a package that can be called
        return importlib.import_module("mapsto.report")
    if name not in _HOME:
        raise AttributeError(f"module 'mapsto' has no attribute {name!r}; it has {', '.join(__all__)}")
    module, attribute = _HOME[name]
    value = getattr(importlib.import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
