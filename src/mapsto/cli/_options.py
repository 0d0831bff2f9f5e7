"""The arguments and options that verbs share: one name, one meaning, one help text each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

RECIPE_SUFFIXES = (".yaml", ".yml")

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="The data: a CSV, Parquet or .npz file, a folder of images, the name of a data set (see "
        "`mapsto datasets`); or a recipe (.yaml) that names them.",
        show_default=False,
    ),
]
OptionalSource = Annotated[
    str | None,
    typer.Argument(
        metavar="[SOURCE]",
        help="The data: a CSV, Parquet or .npz file, a folder of images, the name of a data set (see "
        "`mapsto datasets`); or a recipe (.yaml) that names them. None with --command.",
        show_default=False,
    ),
]
NewData = Annotated[
    str,
    typer.Argument(metavar="SOURCE", help="The data, of the same form as those it was trained on.", show_default=False),
]
RunFolder = Annotated[
    str, typer.Argument(metavar="RUN", help="The folder of a run, such as runs/digits.", show_default=False)
]

Target = Annotated[
    str | None, typer.Option("--target", "-t", metavar="COLUMN", help="The column to predict.", show_default=False)
]
Task = Annotated[
    str | None, typer.Option("--task", metavar="NAME", help="What to predict, if not as inferred.", show_default=False)
]
OwnNetwork = Annotated[
    str | None,
    typer.Option(
        "--network",
        metavar="FILE:NAME",
        help="A network of your own: a builder or a module in a Python file, such as train.py:build, which is run.",
        show_default=False,
    ),
]
RecipeFile = Annotated[
    Path | None,
    typer.Option("--recipe", metavar="FILE", help="A recipe (.yaml) to take settings from.", show_default=False),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        metavar="NAME=VALUE",
        help="A setting, or a range to search, such as optimizer.learning_rate='log(1e-4, 1e-1)'. Can be repeated.",
        show_default=False,
    ),
]
Budget = Annotated[
    str | None,
    typer.Option(
        "--budget", "-b", metavar="TIME", help="Wall-clock time for all of it: 90s, 10m, 1h30m.", show_default=False
    ),
]
Trials = Annotated[
    int | None,
    typer.Option("--trials", "-n", metavar="N", min=1, help="Recipes to try at most.", show_default=False),
]
Workers = Annotated[
    str | None,
    typer.Option(
        "--workers",
        "-w",
        metavar="N|auto",
        help="Trainings at once, each in a process of its own; auto: one a GPU, or one a core.",
        show_default=False,
    ),
]
ExecutorName = Annotated[
    str | None,
    typer.Option(
        "--executor", metavar="NAME", help="Where to train: in_process, processes or ray.", show_default=False
    ),
]
Address = Annotated[
    str | None,
    typer.Option("--address", metavar="ADDRESS", help="Of the Ray cluster, with --executor ray.", show_default=False),
]
Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        help="Keep the Optuna study there: sqlite:///study.db, postgresql://..., grpc://host:port.",
        show_default=False,
    ),
]
Command = Annotated[
    str | None,
    typer.Option(
        "--command", metavar="LINE", help="Tune this program: 'python train.py --lr {lr}'.", show_default=False
    ),
]
SweepFile = Annotated[
    Path | None,
    typer.Option(
        "--sweep",
        metavar="FILE",
        help="Tune a program as a sweep of Weights & Biases describes it (YAML), in the place of --command.",
        show_default=False,
    ),
]
MetricName = Annotated[
    str | None,
    typer.Option("--metric", metavar="NAME", help="What the program reports, with --command.", show_default=False),
]
DirectionName = Annotated[
    Literal["maximize", "minimize"] | None,
    typer.Option("--direction", help="Which way is better, with --command: maximize unless said.", show_default=False),
]
Seeds = Annotated[
    int | None,
    typer.Option(
        "--seeds", metavar="N", min=0, help="Further seeds of the best settings, with --command.", show_default=False
    ),
]
Sampler = Annotated[
    str | None,
    typer.Option(
        "--sampler", metavar="NAME", help="Who proposes, with --command: tpe unless said.", show_default=False
    ),
]
Pruner = Annotated[
    str | None,
    typer.Option(
        "--pruner", metavar="NAME", help="Who ends a run early, with --command and --max-steps.", show_default=False
    ),
]
MaxSteps = Annotated[
    int | None,
    typer.Option(
        "--max-steps", metavar="N", min=1, help="Steps that a whole run reports, with --command.", show_default=False
    ),
]
TrialTime = Annotated[
    str | None,
    typer.Option("--trial-time", metavar="TIME", help="Longest time of a run, with --command.", show_default=False),
]
Start = Annotated[
    list[str] | None,
    typer.Option(
        "--start",
        metavar="NAME=VALUE",
        help="What the first run begins with, with --command; the winner is compared with it. Can be repeated.",
        show_default=False,
    ),
]
Continue = Annotated[
    Path | None,
    typer.Option(
        "--continue",
        metavar="RUN",
        help="Go on with the trials of this run, in a new run; --set changes or adds ranges.",
        show_default=False,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", metavar="N", min=0, help="What all randomness follows from.", show_default=False),
]
RunOut = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", metavar="FOLDER", help="The run folder (default: runs/<name of the data>).", show_default=False
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is at --out.")]
OverwriteRun = Annotated[bool, typer.Option("--overwrite", help="Replace the run that is at --out.")]

Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the answer alone.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error, and what is logged.")]


def split(source: str, recipe: Path | None) -> tuple[str | None, Path | None]:
    """Data and recipe: a recipe may be given in the place of the data.

    Example:
        >>> split("churn.csv", None), split("recipe.yaml", None)
        (('churn.csv', None), (None, PosixPath('recipe.yaml')))
    """
    if not source.lower().endswith(RECIPE_SUFFIXES):
        return source, recipe
    if recipe is not None:
        raise typer.BadParameter(f"{source} is a recipe, and --recipe names another: {recipe}.", param_hint="SOURCE")
    return None, Path(source)


def own(network: str | None) -> Any:
    """The network that `--network` names; None where it is not given."""
    if network is None:
        return None
    from mapsto._own_network import network_from  # here, so that --help does not load it

    return network_from(network)


def needed(value: str | None, name: str, what: str) -> str:
    """The value, or an error that says what is missing."""
    if value is None:
        kind = "option" if name.startswith("-") else "argument"
        raise typer.BadParameter(f"Missing {kind} '{name}': {what}.")
    return value


def refuse(given: Mapping[str, Any], why: str) -> None:
    """Refuses options that would do nothing beside others.

    Args:
        given: values by the option's name; None where it was not given.
        why: the rest of the sentence that begins with the option.

    Raises:
        typer.BadParameter: one was given.
    """
    for name, value in given.items():
        if value is not None:
            raise typer.BadParameter(f"{name} {why}.")


def number_of_workers(workers: str | None) -> int:
    """Programs at once: one unless something else is said, `auto` being one a core."""
    if workers is None or workers.isdecimal():
        return int(workers or 1)
    if workers != "auto":
        raise typer.BadParameter(f"it is a number or auto. Received: {workers}.", param_hint="--workers")
    return len(os.sched_getaffinity(0))


def check_free(out: Path | None, overwrite: bool) -> None:
    """Refuses to write where something is already, unless that was asked for."""
    if out is not None and out.exists() and not overwrite:
        raise typer.BadParameter(f"{out} is there already. Choose another, or give --overwrite.", param_hint="--out")
