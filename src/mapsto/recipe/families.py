"""The families that a recipe names members of, each looked up in its own room when asked for."""

from __future__ import annotations

from mapsto.recipe.family import Family

TASKS = Family(kind="task", package="mapsto.tasks")
MODELS = Family(kind="model", package="mapsto.models")
OPTIMIZERS = Family(kind="optimizer", package="mapsto.training.optimizers")
SCHEDULES = Family(kind="schedule", package="mapsto.training.schedules")
SAMPLERS = Family(kind="sampler", package="mapsto.search.samplers")
PRUNERS = Family(kind="pruner", package="mapsto.search.pruners")
METRICS = Family(kind="metric", package="mapsto.metrics")
ENCODERS = Family(kind="encoder", package="mapsto.data.encoders")
SOURCES = Family(kind="source", package="mapsto.data.sources")
