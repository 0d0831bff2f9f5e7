"""`mapsto ask`: the next settings to try, for whoever tries them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from mapsto.cli import _options
from mapsto.cli._terminal import Terminal

EXAMPLES = (
    "mapsto ask runs/oven --new --set temperature='uniform(150, 250)' --set minutes='int(5, 60)' --metric taste",
    "mapsto ask runs/oven --json",
    "mapsto ask runs/oven --best",
)


def ask(
    run: _options.RunFolder,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            "-s",
            metavar="NAME=VALUE",
            help="A value or a range, such as lr='log(1e-4, 1)', by a name of your own. Can be repeated.",
            show_default=False,
        ),
    ] = None,
    space: Annotated[
        Path | None,
        typer.Option(
            "--space", metavar="FILE", help="YAML or JSON of names and their values or ranges.", show_default=False
        ),
    ] = None,
    metric: Annotated[str, typer.Option("--metric", metavar="NAME", help="What is told to be optimized.")] = "value",
    direction: Annotated[
        Literal["maximize", "minimize"], typer.Option("--direction", help="Whether more of it is better.")
    ] = "maximize",
    sampler: Annotated[str, typer.Option("--sampler", metavar="NAME", help="Who proposes.")] = "tpe",
    pruner: Annotated[
        str, typer.Option("--pruner", metavar="NAME", help="Who ends a trial early; see `mapsto tell --step`.")
    ] = "off",
    max_steps: Annotated[
        int, typer.Option("--max-steps", metavar="N", min=1, help="Steps of a whole trial; pruners have to know.")
    ] = 1,
    seed: _options.Seed = None,
    new: Annotated[bool, typer.Option("--new", help="Begin a study; refuse if there is one.")] = False,
    best: Annotated[bool, typer.Option("--best", help="Do not ask; tell the best that was told.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Do not ask; list every trial.")] = False,
    as_json: _options.Json = False,
    quiet: _options.Quiet = False,
    debug: _options.Debug = False,
) -> None:
    """Ask for the next settings to try; `mapsto tell` says what they came to.

    With settings, the study begins here, or goes on where the folder holds this very one. Any number of processes may
    ask and tell at the same time.
    """
    with Terminal(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        if best and every:
            raise typer.BadParameter("give one of them.", param_hint="--best, --all")
        from mapsto.adapters.free_space import FreeSpace  # here, so that --help does not load it
        from mapsto.search import asking

        if settings or space is not None or new:
            asking.create(
                run,
                {
                    **(FreeSpace.from_file(space).settings if space else {}),
                    **FreeSpace.from_settings(settings or ()).settings,
                },
                metric=metric,
                direction=direction,
                sampler=sampler,
                pruner=pruner,
                max_fidelity=max_steps,
                seed=seed or 0,
                exist_ok=not new,
            )
        if every:
            trials = asking.trials(run)
            terminal.answer(trials, line="\n".join(map(text, trials)) or "no trials")
        elif best:
            found = asking.best(run)
            terminal.answer(found, line=text(found) if found else "no value has been told yet")
        else:
            asked = asking.ask(run)
            terminal.answer(asked, line=text(asked))


def text(trial: dict[str, Any]) -> str:
    """A trial in a line: `trial 3, complete, 0.91: lr=0.01 width=64`; one that is asked for comes with its seed."""
    words = [f"trial {trial['trial']}"]
    words += [f"seed {trial['seed']}"] if "state" not in trial else [trial["state"]]
    words += [str(trial["value"])] if trial.get("value") is not None else []
    words += [trial["cause"]] if trial.get("cause") else []
    return f"{', '.join(words)}: {' '.join(f'{name}={value}' for name, value in trial['settings'].items())}"
