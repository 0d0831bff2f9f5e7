"""The list of verbs, and the program `mapsto`.

A verb is a module of this folder that holds a function of its own name, whose parameters are the arguments and
options, and `EXAMPLES`, the command lines that its help shows. `mapsto --help` imports all verbs and must answer at
once, so a verb imports `mapsto.api` or `mapsto.preview` inside its function.
"""

from __future__ import annotations

from types import ModuleType
from typing import Annotated

import typer

from mapsto import __version__
from mapsto.cli import (
    ask,
    audit,
    check,
    datasets,
    evaluate,
    find,
    init,
    predict,
    report,
    resume,
    schema,
    show,
    tell,
    train,
    tune,
)

VERBS: tuple[ModuleType, ...] = (
    tune, train, resume, evaluate, predict, report, ask, tell, audit, find, init, show, schema, datasets, check,
)  # fmt: skip
"""In the order in which the help lists them."""

HELP_NAMES = {"help_option_names": ["-h", "--help"], "max_content_width": 110}

# Plain help: typer's boxes would import rich, which takes as long as everything else together.
app = typer.Typer(name="mapsto", rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)


@app.callback(
    invoke_without_command=True,
    context_settings=HELP_NAMES,
    epilog="\b\nStart with:\n  mapsto tune digits --budget 60s\n  mapsto tune --help",
)
def mapsto(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Tunes deep neural networks: data and a budget in, the best network and the evidence out."""
    if version:
        typer.echo(f"mapsto {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def name_of(verb: ModuleType) -> str:
    """What a user types for a verb: the name of its module."""
    return verb.__name__.rpartition(".")[2]


for verb in VERBS:
    examples = "\n  ".join(verb.EXAMPLES)
    command = app.command(name_of(verb), context_settings=HELP_NAMES, epilog=f"\b\nExamples:\n  {examples}")
    command(getattr(verb, name_of(verb)))


def main() -> None:
    """Runs the command line that the process was started with, and ends the process with its status."""
    app()
