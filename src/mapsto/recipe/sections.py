"""The sections of a recipe that belong to no family, and the order of all sections."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from mapsto.recipe.budget import parse_budget
from mapsto.recipe.families import METRICS, MODELS, OPTIMIZERS, PRUNERS, SAMPLERS, SCHEDULES, TASKS
from mapsto.recipe.family import Family
from mapsto.recipe.options import Options

ColumnKind = Literal["numeric", "category", "text", "image", "mask", "ignore"]


class DataOptions(Options):
    """Where the data come from, how they are split, and how they are cleaned and encoded."""

    source: str | None = Field(None, description="file, folder or named data set; null: given on the command line")
    target: str | None = Field(None, description="column to predict; null: found where it is beyond doubt")
    columns: dict[str, ColumnKind] = Field(default={}, description="kinds of columns that were guessed wrong")
    validation_share: float = Field(0.15, gt=0, lt=0.9, description="share of the rows that recipes are compared on")
    test_share: float = Field(0.15, gt=0, lt=0.9, description="share of the rows that the winner is tested on, once")
    split_column: str | None = Field(
        None, description="column that says train, validation or test; null: one called split, if there is one"
    )
    scale: Literal["standard", "minmax", "symmetric", "none"] = Field(
        "standard", description="numbers to mean 0 and deviation 1, to [0, 1], to [-1, 1], or as they are"
    )
    missing: Literal["median", "mean", "zero", "drop"] = Field(
        "median", description="what stands in for a missing number, learned from training rows; drop leaves the row out"
    )
    max_levels: int = Field(32, ge=2, le=10_000, description="most frequent levels of a category kept; the rest: other")
    image_size: int | None = Field(
        None,
        ge=4,
        le=4096,
        description="side in pixels (the longest one beside masks); null: the most common size, at most 64",
    )
    vocabulary_size: int = Field(10_000, ge=3, le=10_000_000, description="most frequent words kept; the rest: unknown")
    max_length: int = Field(200, ge=1, le=100_000, description="words of a text kept, the last ones")
    ignore_class: int | None = Field(
        None, ge=0, le=65_535, description="value of a mask that is neither trained nor scored; null: none"
    )

    @model_validator(mode="after")
    def _leaves_training_rows(self) -> DataOptions:
        if self.validation_share + self.test_share > 0.95:
            raise ValueError(
                f"data.validation_share and data.test_share must leave at least 5 % of the rows for training. "
                f"Received: {self.validation_share} + {self.test_share}."
            )
        return self


class TrainingOptions(Options):
    """How one network is trained, whatever its optimizer and schedule."""

    batch_size: int = Field(128, ge=1, le=1_000_000, description="rows a step")
    max_epochs: int = Field(30, ge=1, le=1_000_000, description="passes over the training rows, at most")
    patience: int = Field(8, ge=0, description="epochs without improvement before training stops; 0: never stops early")
    min_delta: float = Field(0.0, ge=0, description="smallest change of the metric that counts as improvement")
    l1: float = Field(0.0, ge=0, description="weight of the sum of absolute weights, added to the loss")
    l2: float = Field(0.0, ge=0, description="weight of the sum of squared weights, added to the loss")
    max_grad_norm: float | None = Field(None, gt=0, description="gradients longer than this are cut; null: never")
    seed: int | None = Field(None, ge=0, lt=2**31, description="null: derived from the study's seed and the trial")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where to train; auto: a GPU if there is one")


class SearchOptions(Options):
    """How recipes are proposed, compared and chosen, and for how long."""

    sampler: str = Field("tpe", validate_default=False, description="how recipes are proposed")
    pruner: str = Field("median", validate_default=False, description="how poor trials are stopped early")
    budget: str | None = Field(None, description='wall-clock time, as "90s", "10m" or "1h30m"; null: no limit')
    n_trials: int | None = Field(None, ge=1, description="trials, at most; null: as many as the budget holds")
    metric: str | None = Field(None, description="what is optimized, on the validation part; null: the task's first")
    finalists: int = Field(2, ge=1, le=100, description="best recipes that are trained again with other seeds")
    num_seeds: int = Field(3, ge=1, le=100, description="runs of each finalist and of the default recipe")

    @field_validator("budget")
    @classmethod
    def _is_a_length_of_time(cls, budget: str | None) -> str | None:
        if budget is not None:
            parse_budget(budget)
        return budget

    @field_validator("sampler")
    @classmethod
    def _is_a_sampler(cls, name: str) -> str:
        SAMPLERS.check(name)
        return name

    @field_validator("pruner")
    @classmethod
    def _is_a_pruner(cls, name: str) -> str:
        PRUNERS.check(name)
        return name

    @field_validator("metric")
    @classmethod
    def _is_a_metric(cls, name: str | None) -> str | None:
        if name is not None:
            METRICS.check(name)
        return name


FAMILIES: dict[str, Family] = {"task": TASKS, "model": MODELS, "optimizer": OPTIMIZERS, "schedule": SCHEDULES}
"""Sections that name a member of a family and hold that member's settings."""

GROUPS: dict[str, type[Options]] = {"data": DataOptions, "training": TrainingOptions, "search": SearchOptions}
"""Sections whose settings are always the same."""

SECTIONS = ("seed", "task", "data", "model", "optimizer", "schedule", "training", "search")
"""Every section of a recipe, in the order in which it is written."""

DEFAULT_NAMES = {"optimizer": "adam", "schedule": "constant"}
"""Members where neither the recipe nor the task names one; a model's is the first that fits the task."""

NOT_SEARCHED = frozenset(
    {"seed", "task.name", "training.seed", "training.device"}
    | {f"data.{name}" for name in ("source", "target", "columns", "validation_share", "test_share", "split_column")}
    | {"data.ignore_class"}
    | {f"search.{name}" for name in SearchOptions.model_fields}
)
"""Settings that say what is measured, or how: scores under different values of them cannot be compared."""
