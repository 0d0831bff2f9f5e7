"""`mapsto init`: a commented recipe to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mapsto import _files
from mapsto.cli import _options
from mapsto.cli._terminal import Terminal

EXAMPLES = (
    "mapsto init churn.csv --target churned --out recipe.yaml",
    "mapsto init digits --set model.name=cnn",
)


def init(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="The data that the recipe is for.", show_default=False)
    ],
    target: _options.Target = None,
    task: _options.Task = None,
    settings: _options.Settings = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Write it to a file instead of the terminal.", show_default=False
        ),
    ] = None,
    overwrite: _options.Overwrite = False,
    as_json: _options.Json = False,
    quiet: _options.Quiet = False,
    debug: _options.Debug = False,
) -> None:
    """Write a commented recipe for data; train nothing.

    The settings that matter most are there, each with what it does, its range and its default; `mapsto show` prints
    every one.
    """
    with Terminal(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        _options.check_free(out, overwrite)
        from mapsto import preview  # here, so that --help does not load it

        text = preview.init(source, target=target, task=task, settings=settings or ())
        if out is None:
            terminal.answer({"recipe": text}, line=text.rstrip("\n"))
        else:
            _files.write_text(out, text)
            terminal.answer({"recipe": text, "file": str(out)}, line=str(out))
            terminal.note(f"Edit it, then: mapsto tune {out}")
