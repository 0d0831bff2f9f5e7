"""`mapsto datasets`: the data sets that have a name."""

from __future__ import annotations

from mapsto.cli import _options
from mapsto.cli._terminal import Terminal

EXAMPLES = ("mapsto datasets", "MAPSTO_DATA=~/data mapsto datasets --json")


def datasets(as_json: _options.Json = False, quiet: _options.Quiet = False, debug: _options.Debug = False) -> None:
    """List the data sets that have a name."""
    with Terminal(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        from mapsto import api  # here, so that --help does not load it
        from mapsto.cli import _listing

        rows = api.datasets()
        names = "\n".join(str(row["name"]) for row in rows)
        terminal.answer(rows, line=names, show=lambda console: _listing.show(console, rows))
