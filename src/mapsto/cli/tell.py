"""`mapsto tell`: what settings that were asked for came to."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from mapsto.cli import _options
from mapsto.cli._terminal import Terminal

EXAMPLES = (
    "mapsto tell runs/oven 7 --value 8.5",
    "mapsto tell runs/oven 7 --step 3 --value 6.1 --json",
    "mapsto tell runs/oven 8 --state failed --cause 'burnt'",
)


def tell(
    run: _options.RunFolder,
    trial: Annotated[int, typer.Argument(metavar="TRIAL", help="Its number.", show_default=False)],
    value: Annotated[
        float | None, typer.Option("--value", "-v", metavar="NUMBER", help="The metric's value.", show_default=False)
    ] = None,
    step: Annotated[
        int | None,
        typer.Option(
            "--step",
            metavar="N",
            min=0,
            help="The value so far, at this step; the answer is whether to stop.",
            show_default=False,
        ),
    ] = None,
    state: Annotated[
        Literal["complete", "pruned", "failed"], typer.Option("--state", help="How it ended.")
    ] = "complete",
    cause: Annotated[str, typer.Option("--cause", metavar="TEXT", help="Why it failed.", show_default=False)] = "",
    as_json: _options.Json = False,
    quiet: _options.Quiet = False,
    debug: _options.Debug = False,
) -> None:
    """Tell what the settings of a trial came to, or how it does so far.

    Telling the same twice changes nothing; telling something else of a trial that has ended is refused.
    """
    with Terminal(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        if step is not None and (value is None or state != "complete"):
            raise typer.BadParameter("a step has a value, and the trial has not ended with it.", param_hint="--step")
        from mapsto.cli.ask import text
        from mapsto.search import asking  # here, so that --help does not load it

        if step is not None and value is not None:
            stop = asking.report(run, trial, step, value)
            terminal.answer({"trial": trial, "step": step, "stop": stop}, line="stop" if stop else "go on")
        else:
            told = asking.tell(run, trial, value, state=state, cause=cause)
            terminal.answer(told, line=text(told))
