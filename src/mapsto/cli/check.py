"""`mapsto check`: whether this machine can do the work."""

from __future__ import annotations

import typer

from mapsto.cli import _options
from mapsto.cli._terminal import FAULT, Terminal

EXAMPLES = ("mapsto check", "mapsto check --json")


def check(as_json: _options.Json = False, quiet: _options.Quiet = False, debug: _options.Debug = False) -> None:
    """Check that this machine can do the work.

    Versions, torch, threads, memory and disk are looked at; the status is 1 if something does not work.
    """
    with Terminal(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        from mapsto import preview  # here, so that --help does not load it
        from mapsto.cli import _listing

        rows = preview.check()
        failed = [row for row in rows if not row["ok"]]
        line = "\n".join(f"{row['name']}: {row['advice']}" for row in failed) or "all is well"
        terminal.answer(rows, line=line, show=lambda console: _listing.show(console, rows))
        if failed:
            raise typer.Exit(FAULT)
