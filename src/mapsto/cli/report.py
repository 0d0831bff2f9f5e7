"""`mapsto report`: a run as a page to read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mapsto.cli import _options
from mapsto.cli._terminal import Terminal

EXAMPLES = (
    "mapsto report runs/digits",
    "mapsto report runs/digits --language zh --out digits.zh.html",
)


def report(
    run: _options.RunFolder,
    language: Annotated[Literal["en", "zh"], typer.Option("--language", "-l", help="English or Chinese.")] = "en",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="The page (default: report.html in the run).", show_default=False
        ),
    ] = None,
    as_json: _options.Json = False,
    quiet: _options.Quiet = False,
    debug: _options.Debug = False,
) -> None:
    """Write the report of a run as one HTML file.

    It needs no network, and can be written while the run is still going on.
    """
    with Terminal(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        from mapsto import api  # here, so that --help does not load it

        path = api.report(run, language=language, out=out)
        terminal.answer({"report": str(path)}, line=str(path))
