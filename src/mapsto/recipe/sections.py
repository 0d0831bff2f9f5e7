"""The sections of a recipe that belong to no family, and the order of all sections."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, create_model, field_validator, model_validator

from mapsto.recipe.budget import parse_budget, parse_duration
from mapsto.recipe.families import (
    AUGMENTATIONS,
    IMPUTERS,
    LEVELS,
    LOSSES,
    METRICS,
    MODELS,
    OPTIMIZERS,
    OUTLIERS,
    PRUNERS,
    SAMPLERS,
    SCALERS,
    SCHEDULES,
    SPLITTERS,
    TASKS,
    TOKENIZERS,
    TRACKERS,
)
from mapsto.recipe.family import Family, MemberOf
from mapsto.recipe.options import Options
from mapsto.recipe.sizes import parse_size

ColumnKind = Literal["numeric", "category", "text", "image", "mask", "audio", "date", "ignore"]

OTHERS = "*"
"""Stands in `data.columns` for all columns that are not named."""


class DataOptions(Options):
    """Where the data come from, how they are split, and how they are cleaned and encoded."""

    source: str | None = Field(None, description="file, folder or named data set; null: given on the command line")
    root: str | None = Field(None, description="folder in which named data sets are looked for first")
    target: str | None = Field(
        None, description="column to predict; several of 0 and 1, one a label, as a,b,c; null: found where beyond doubt"
    )
    label_separator: str | None = Field(
        None,
        min_length=1,
        max_length=20,
        description="what joins the labels of a target that holds several; null: found where it is beyond doubt",
    )
    columns: dict[str, ColumnKind] = Field(
        default={}, description='kinds of columns that were guessed wrong; "*": ignore puts all others aside'
    )
    number_formats: dict[str, str] = Field(
        default={},
        description='how columns write 1234.5 ("1,234.5", "1.234,5", "$1,234.5"), where it was guessed wrong',
    )
    validation_share: float = Field(0.15, gt=0, lt=0.9, description="share of the rows that recipes are compared on")
    test_share: float = Field(0.15, ge=0, lt=0.9, description="share of the rows that the winner is tested on, once")
    memory: str = Field(
        "4GB", description="a larger table is read piece by piece, and lies in a temporary file while it is used"
    )
    sheet: str | None = Field(None, description="sheet of a workbook; null: the only one that holds data")
    split_column: str | None = Field(
        None, description="column that says train, validation or test; null: one called split, if there is one"
    )
    split: Annotated[str, MemberOf(SPLITTERS)] = Field(
        "random",
        validate_default=False,
        description="how rows are divided: by chance with equal shares of the classes, whole groups, both, or by time",
    )
    group_column: str | None = Field(None, description="rows with the same value in it are never in two parts")
    time_column: str | None = Field(None, description="dates or numbers; the oldest rows train, the newest test")
    weight_column: str | None = Field(
        None, description="how much each row counts in the training loss, numbers above 0; scores count rows alike"
    )
    gap: Annotated[int, Field(ge=0)] | str = Field(
        0, description='left out before each later part of a split by time: rows, or a time as "7d" or "12h"'
    )
    num_folds: int = Field(0, ge=0, le=1000, description="folds that all rows but the test part make; 0: one hold-out")
    fold: int = Field(0, ge=0, lt=1000, description="the fold that recipes are compared on; finalists run on all folds")
    scale: Annotated[str, MemberOf(SCALERS)] = Field(
        "standard",
        validate_default=False,
        description="numbers to mean 0 and deviation 1, to [0, 1], to [-1, 1], by quartiles (smooth_clip: and within "
        "[-3, 3]), to a normal distribution by ranks or by a power, or as they are",
    )
    clean: Literal["auto", "none"] = Field(
        "auto",
        description="auto: blanks and Unicode forms of levels made one, useless columns put aside, training rows left "
        "out that are in other parts too; none: nothing is changed",
    )
    missing: Annotated[str, MemberOf(IMPUTERS)] = Field(
        "median",
        validate_default=False,
        description="what stands in for a missing number, learned from training rows; drop leaves the row out",
    )
    fill_value: float = Field(0.0, description="what stands in for a missing number where data.missing is constant")
    missing_indicator: bool = Field(True, description="adds a feature that tells which numbers were missing")
    outliers: Annotated[str, MemberOf(OUTLIERS)] = Field(
        "keep",
        validate_default=False,
        description="numbers far from the others: kept, clipped at data.outlier_limit, winsorized at "
        "data.winsorize_share, or their rows left out of training",
    )
    outlier_limit: float = Field(
        3.0, ge=0, le=1000, description="inter-quartile ranges beyond the quartiles from which a number is an outlier"
    )
    winsorize_share: float = Field(0.01, gt=0, lt=0.5, description="share of the rows that is an outlier at each end")
    numbers: Literal["plain", "piecewise_linear"] = Field(
        "plain", description="a number as one feature, or as one for each of data.bins quantile bins"
    )
    bins: int = Field(16, ge=2, le=1000, description="bins of a number where data.numbers is piecewise_linear")
    categories: Annotated[str, MemberOf(LEVELS)] = Field(
        "onehot",
        validate_default=False,
        description="a feature a level, a learned vector a level, data.hash_bins features whatever the levels, or the "
        "mean target of a level",
    )
    hash_bins: int = Field(64, ge=2, le=65_536, description="features of a category where data.categories is hashing")
    target_smoothing: float = Field(
        10.0, ge=0, le=1e6, description="rows of the overall mean that are added to each level in target encoding"
    )
    max_levels: int = Field(32, ge=2, le=10_000, description="most frequent levels of a category kept; the rest: other")
    image_size: int | None = Field(
        None,
        ge=4,
        le=4096,
        description="side in pixels (the longest one beside masks); null: the most common size, at most 64",
    )
    tokenizer: Annotated[str, MemberOf(TOKENIZERS, also=("auto",))] = Field(
        "auto",
        validate_default=False,
        description="what a text is cut into: words, characters, or pieces of words learned from training texts; auto: "
        "words, or characters where most of the text is in a script like Thai, in which no space parts words",
    )
    vocabulary_size: int = Field(
        10_000, ge=3, le=10_000_000, description="most frequent tokens kept; the rest: unknown"
    )
    max_length: int = Field(200, ge=1, le=100_000, description="tokens of a text kept, the last ones")
    label_pattern: str | None = Field(
        None,
        description="regular expression for file paths: its group label is the class, a group test (train, validation) "
        "that matches is the part; null: folders tell",
    )
    sample_rate: int | None = Field(
        None, ge=1_000, le=96_000, description="samples a second of recordings; null: the most common, at most 16,000"
    )
    duration: float | None = Field(
        None, ge=0.05, le=120, description="seconds of a recording kept; null: the length of nearly all, at most 10"
    )
    num_mels: int = Field(64, ge=8, le=256, description="frequency bands of a spectrogram")
    ignore_class: int | None = Field(
        None, ge=0, le=65_535, description="value of a mask that is neither trained nor scored; null: none"
    )

    @field_validator("memory")
    @classmethod
    def _is_a_size(cls, memory: str) -> str:
        parse_size(memory)
        return memory

    @field_validator("label_pattern")
    @classmethod
    def _has_a_group_for_the_label(cls, pattern: str | None) -> str | None:
        if pattern is None:
            return None
        try:
            groups = re.compile(pattern).groupindex
        except re.error as error:
            raise ValueError(f"data.label_pattern is no regular expression ({error}). Received: {pattern}.") from error
        if "label" not in groups:
            raise ValueError(f"data.label_pattern must have a group (?P<label>...). Received: {pattern}.")
        return pattern

    @field_validator("gap")
    @classmethod
    def _is_a_gap(cls, gap: int | str) -> int | str:
        if isinstance(gap, str):
            parse_duration(gap, "A gap is a number of rows, or it")
        return gap

    @model_validator(mode="after")
    def _leaves_training_rows(self) -> DataOptions:
        if self.validation_share + self.test_share > 0.95:
            raise ValueError(
                f"data.validation_share and data.test_share must leave at least 5 % of the rows for training. "
                f"Received: {self.validation_share} + {self.test_share}."
            )
        return self


class AugmentOptions(Options):
    """How training rows are changed at random; `AUGMENT` has one more setting for each augmentation, its strength."""

    auto: bool = Field(
        False, description="adds a small set that suits the task, searched by tune; `augment: auto` says the same"
    )
    probability: float = Field(
        1.0, ge=0, le=1, description="share of the training rows that are augmented, others at each step"
    )
    synonyms_file: str | None = Field(
        None, description="text file for augment.synonyms: a group of words a line, parted by commas or tabs"
    )

    @model_validator(mode="after")
    def _has_synonyms(self) -> AugmentOptions:
        if getattr(self, "synonyms", 0) and self.synonyms_file is None:
            raise ValueError(
                "augment.synonyms needs a list of words: name its file with augment.synonyms_file. Received: null."
            )
        return self


def _with_strengths() -> type[AugmentOptions]:
    strengths: dict[str, Any] = {name: (float, AUGMENTATIONS.get(name).strength) for name in AUGMENTATIONS.names()}
    made: type[AugmentOptions] = create_model(
        "AugmentOptions", __base__=AugmentOptions, __module__=__name__, **strengths
    )
    return made


AUGMENT = _with_strengths()
"""The section `augment`: its settings beside those that the files of the family state."""


class TrainingOptions(Options):
    """How one network is trained, whatever its optimizer and schedule."""

    batch_size: int = Field(128, ge=1, le=1_000_000, description="rows a step")
    max_epochs: int = Field(30, ge=1, le=1_000_000, description="passes over the training rows, at most")
    patience: int = Field(8, ge=0, description="epochs without improvement before training stops; 0: never stops early")
    min_delta: float = Field(0.0, ge=0, description="smallest change of the metric that counts as improvement")
    l1: float = Field(0.0, ge=0, description="weight of the sum of absolute weights, added to the loss")
    l2: float = Field(0.0, ge=0, description="weight of the sum of squared weights, added to the loss")
    decay_all: bool = Field(
        False, description="optimizer.weight_decay pulls at biases and normalizations too, which it leaves alone"
    )
    max_weight_norm: float | None = Field(
        None, gt=0, description="the weights into a unit are cut to this length after each step; null: never"
    )
    max_grad_norm: float | None = Field(None, gt=0, description="gradients longer than this are cut; null: never")
    max_grad_value: float | None = Field(
        None, gt=0, description="each number of a gradient is cut to this size; null: never"
    )
    grad_percentile: float | None = Field(
        None, gt=0, le=100, description="gradients are cut to this percentile of their recent lengths; null: never"
    )
    layer_decay: float = Field(
        1.0, gt=0, le=1, description="the learning rate of each layer is this times that of the layer above it"
    )
    learning_rates: dict[str, Annotated[float, Field(ge=0, le=1000)]] = Field(
        default={}, description="patterns of parameter names, as head.*, and what their learning rate is multiplied by"
    )
    freeze: str | None = Field(
        None, description="patterns of parameter names, parted by commas, that are not trained; null: all are"
    )
    unfreeze_epochs: int = Field(
        0, ge=0, description="the last layer is trained first, and one more after each so many epochs; 0: all at once"
    )
    averaging: Literal["none", "ema", "swa"] = Field(
        "none",
        description="weights that are scored and kept: the last, an exponential mean over the steps, or the mean of "
        "the last epochs",
    )
    ema_decay: float = Field(0.999, gt=0, lt=1, description="memory of the exponential mean, where it is taken")
    swa_start: float = Field(
        0.75, ge=0, lt=1, description="share of the epochs after which weights are averaged where averaging is swa"
    )
    sam_rho: float = Field(
        0.0, ge=0, le=10, description="sharpness-aware minimization: how far away the gradient is taken; 0: not at all"
    )
    accumulate_steps: int = Field(
        1, ge=1, le=65_536, description="pieces that a batch goes through the network in, one after the other"
    )
    num_processes: int = Field(
        1, ge=1, le=1024, description="processes that share each batch, each on a GPU of its own or on the CPU"
    )
    precision: Literal["float32", "bf16", "fp16"] = Field(
        "float32", description="number format of the forward pass in training; weights and answers are in float32"
    )
    memory_format: Literal["channels_last", "contiguous", "measured"] = Field(
        "channels_last",
        description="how images and kernels lie in memory; measured: the faster of both on the first batch, so that "
        "time decides on the last bits of the weights",
    )
    checkpoint_activations: bool = Field(
        False, description="less memory for a slower step: what a block computes is computed again for its gradient"
    )
    compile: bool = Field(False, description="torch.compile: faster steps after a minute or so of compiling")
    deterministic: bool = Field(
        False, description="algorithms only that give the same bits again, also on a GPU; slower there"
    )
    balance: Literal["none", "class_weights", "oversample", "undersample", "balanced_batches"] = Field(
        "none",
        description="classes of unlike size: as they are, weighted in the loss, rare ones repeated, common ones left "
        "out in part, or in equal numbers in each batch",
    )
    tta: int = Field(
        0, ge=0, le=64, description="augmented versions of a row whose answers are averaged with its own; 0: none"
    )
    seed: int | None = Field(None, ge=0, lt=2**31, description="null: derived from the study's seed and the trial")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where to train; auto: a GPU if there is one")


COSTS = ("parameters", "latency", "train_seconds", "fairness_gap")
"""Objectives that are no metric: trainable numbers, milliseconds for one row, seconds of training, and the largest
difference of the metric between groups of rows. Less is better."""

HUB = "optunahub/"
"""What the name of a sampler begins with that comes from OptunaHub's collection."""


class SearchOptions(Options):
    """How recipes are proposed, compared and chosen, and for how long."""

    @property
    def repeats(self) -> bool:
        """Whether a trial is several trainings, and its score their mean."""
        return self.fidelity in ("folds", "seeds")

    sampler: str = Field(
        "auto",
        validate_default=False,
        description="how recipes are proposed; auto: chosen for the space and the budget; optunahub/NAME: a sampler of "
        "that collection",
    )
    pruner: str = Field(
        "auto",
        validate_default=False,
        description="how poor trials are stopped early; auto: median, racing where folds or seeds are the fidelity, "
        "off for pbt",
    )
    budget: str | None = Field(None, description='wall-clock time, as "90s", "10m" or "1h30m"; null: no limit')
    n_trials: int | None = Field(None, ge=1, description="trials, at most; null: as many as the budget holds")
    trial_time: str | None = Field(None, description='time of one training, at most, as "5m"; null: no limit')
    metric: str | None = Field(None, description="what is optimized, on the validation part; null: the task's first")
    objectives: tuple[str, ...] = Field(
        (),
        max_length=4,
        description="what is optimized besides: metrics, or parameters, latency, train_seconds, fairness_gap",
    )
    fairness_column: str | None = Field(
        None, description="column whose values form the groups among which fairness_gap compares the metric"
    )
    max_parameters: int | None = Field(None, ge=1, description="trainable numbers of a network, at most; null: any")
    max_latency: float | None = Field(
        None, gt=0, description="milliseconds for the answer to one row on this machine, at most; null: any"
    )
    max_memory: str | None = Field(None, description='memory of a training beside the data, at most, as "2GB"')
    fidelity: Literal["epochs", "examples", "image_size", "folds", "seeds"] = Field(
        "epochs",
        description="what a trial is given more of while it does well: epochs, training rows, pixels, folds or seeds",
    )
    finalists: int = Field(2, ge=1, le=100, description="best recipes that are trained again with other seeds")
    num_seeds: int = Field(
        3, ge=1, le=100, description="runs of each finalist and of the default recipe; at least one on each fold"
    )
    max_seeds: int = Field(
        10, ge=1, le=100, description="runs of each at most, where more of them can still make the difference clear"
    )
    ablation: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="share of the budget for the runs that show which changed setting brought how much; 0: none",
    )
    ensemble: int = Field(
        0, ge=0, le=50, description="networks at most in an ensemble that is offered beside the winner; 0: none"
    )
    learn_from: tuple[str, ...] = Field(
        (), description="folders of finished runs whose best recipes are tried first, those on the likest data first"
    )
    portfolio: bool = Field(
        False, description="recipes that did well on many data sets are tried first; they come with mapsto"
    )
    executor: Literal["auto", "in_process", "processes", "ray"] = Field(
        "auto", description="where trials are trained; auto: in this process, or in as many as there are workers"
    )
    workers: int | Literal["auto"] = Field(
        1, description="trials that are trained at once; auto: one a GPU, or as many as there are cores"
    )
    address: str | None = Field(None, description="of the Ray cluster; null: one is started on this machine")
    lookahead: int = Field(
        4,
        ge=1,
        le=1000,
        description="a trial knows all but the last so many before it, in the order of their numbers: as many can run "
        "at once with the same result as one after the other",
    )
    order: Literal["exact", "fast"] = Field(
        "exact", description="fast: a trial knows whatever is over, so that no worker waits, and no run repeats exactly"
    )
    storage: str | None = Field(
        None,
        description="Optuna's storage, as sqlite:///study.db or grpc://host:port; null: a journal in the run folder",
    )
    trackers: tuple[str, ...] = Field(
        (), description="where trials are written down besides: mlflow, wandb, as their own environment variables say"
    )
    disk: str = Field("20GB", description="for the checkpoints of a study; those of the best trials are kept anyhow")

    @field_validator("budget")
    @classmethod
    def _is_a_length_of_time(cls, budget: str | None) -> str | None:
        if budget is not None:
            parse_budget(budget)
        return budget

    @field_validator("trial_time")
    @classmethod
    def _is_a_time(cls, trial_time: str | None) -> str | None:
        if trial_time is not None:
            parse_duration(trial_time, "The time of a trial")
        return trial_time

    @field_validator("max_memory", "disk")
    @classmethod
    def _is_a_size(cls, size: str | None) -> str | None:
        if size is not None:
            parse_size(size)
        return size

    @field_validator("workers")
    @classmethod
    def _is_a_number_of_workers(cls, workers: int | str) -> int | str:
        if isinstance(workers, int) and not 1 <= workers <= 1024:
            raise ValueError(f"search.workers must be auto or a whole number in [1, 1024]. Received: {workers}.")
        return workers

    @field_validator("objectives")
    @classmethod
    def _are_objectives(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in COSTS:
                METRICS.check(name)
        return names

    @field_validator("trackers")
    @classmethod
    def _are_trackers(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            TRACKERS.check(name)
        return names

    @model_validator(mode="after")
    def _has_groups(self) -> SearchOptions:
        if "fairness_gap" in self.objectives and self.fairness_column is None:
            raise ValueError(
                "search.objectives names fairness_gap, so search.fairness_column must name the column whose values "
                "form the groups. Received: null."
            )
        return self

    @field_validator("sampler")
    @classmethod
    def _is_a_sampler(cls, name: str) -> str:
        if not name.startswith(HUB):
            SAMPLERS.check(name)
        return name

    @field_validator("pruner")
    @classmethod
    def _is_a_pruner(cls, name: str) -> str:
        if name != "auto":
            PRUNERS.check(name)
        return name

    @field_validator("metric")
    @classmethod
    def _is_a_metric(cls, name: str | None) -> str | None:
        if name is not None:
            METRICS.check(name)
        return name


class HyperparameterOptions(Options):
    """What the user's own builder asks for: any names, each with a text, a number, true, false or null.

    None has a default here: those of a builder are its own (see `mapsto.recipe.hyperparameters`).
    """

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)
    __pydantic_extra__: dict[str, str | bool | int | float | None]

    @classmethod
    def has(cls, field: str) -> bool:
        return field != "hp" and re.fullmatch(r"\w{1,100}", field) is not None

    @classmethod
    def default(cls, field: str) -> Any:
        del field
        return None


FAMILIES: dict[str, Family] = {
    "task": TASKS,
    "model": MODELS,
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
}
"""Sections that name a member of a family and hold that member's settings."""

GROUPS: dict[str, type[Options]] = {
    "data": DataOptions,
    "augment": AUGMENT,
    "hp": HyperparameterOptions,
    "training": TrainingOptions,
    "search": SearchOptions,
}
"""Sections whose settings are always the same."""

SECTIONS = ("seed", "task", "data", "augment", "model", "hp", "loss", "optimizer", "schedule", "training", "search")
"""Every section of a recipe, in the order in which it is written."""

AUTO_SECTIONS = {"augment": "augment.auto"}
"""Sections that may be the whole word `auto`, and the setting that it turns on."""

DEFAULT_NAMES = {"optimizer": "adam", "schedule": "constant"}
"""Members where neither the recipe nor the task names one; a model's and a loss's is the first that fits the task."""

NOT_SEARCHED = frozenset(
    {"seed", "task.name", "augment.auto", "augment.synonyms_file", "training.seed", "training.device"}
    | {
        f"data.{name}"
        for name in ("source", "root", "target", "columns", "validation_share", "test_share", "split_column")
    }
    | {f"data.{name}" for name in ("split", "group_column", "time_column", "gap", "num_folds", "fold", "weight_column")}
    | {"data.clean", "data.memory", "data.sheet", "data.ignore_class", "data.label_pattern", "data.label_separator"}
    | {
        f"training.{name}"
        for name in ("accumulate_steps", "num_processes", "memory_format", "checkpoint_activations", "compile")
    }
    | {"training.deterministic"}
    | {f"search.{name}" for name in SearchOptions.model_fields}
)
"""Settings that say what is measured, or how: scores under different values of them cannot be compared. Beside them
those that change what a step costs, and not what it does."""
