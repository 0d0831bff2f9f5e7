"""The families that a recipe names members of, each looked up in its own room when asked for."""

from __future__ import annotations

from mapsto.recipe.family import Family

TASKS = Family(kind="task", package="mapsto.tasks")
LOSSES = Family(kind="loss", package="mapsto.tasks.losses")
MODELS = Family(kind="model", package="mapsto.models")
OPTIMIZERS = Family(kind="optimizer", package="mapsto.training.optimizers")
SCHEDULES = Family(kind="schedule", package="mapsto.training.schedules")
SAMPLERS = Family(kind="sampler", package="mapsto.search.samplers")
PRUNERS = Family(kind="pruner", package="mapsto.search.pruners")
TRACKERS = Family(kind="tracker", package="mapsto.search.trackers")
METRICS = Family(kind="metric", package="mapsto.metrics")
ENCODERS = Family(kind="encoder", package="mapsto.data.encoders")
AUGMENTATIONS = Family(kind="augmentation", package="mapsto.training.augmentations")
SPLITTERS = Family(kind="splitter", package="mapsto.data.splitters")
SOURCES = Family(kind="source", package="mapsto.data.sources")
SCALERS = Family(kind="scaler", package="mapsto.data.cleaning.scalers")
IMPUTERS = Family(kind="imputer", package="mapsto.data.cleaning.imputers")
OUTLIERS = Family(kind="outlier treatment", package="mapsto.data.cleaning.outliers")
TOKENIZERS = Family(kind="tokenizer", package="mapsto.data.tokenizers")
LEVELS = Family(kind="category encoding", package="mapsto.data.levels")
CHECKS = Family(kind="check", package="mapsto.data.audit")
