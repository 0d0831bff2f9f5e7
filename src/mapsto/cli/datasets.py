"""`mapsto datasets`: the data sets that have a name."""

from __future__ import annotations

from mapsto.cli import _options
from mapsto.cli._terminal import Terminal

EXAMPLES = ("mapsto datasets", "MAPSTO_DATA=~/data mapsto datasets --json")
SHOWN = {"name": "name", "rows": "rows", "is_present": "here", "description": "description"}


def datasets(as_json: _options.Json = False, quiet: _options.Quiet = False, debug: _options.Debug = False) -> None:
    """List the data sets that have a name.

    digits comes with scikit-learn. The others are looked for in the folder that the environment variable MAPSTO_DATA
    names; --json tells every place.
    """
    with Terminal(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        from mapsto import api  # here, so that --help does not load it
        from mapsto.cli import _listing

        rows = api.datasets()
        names = "\n".join(row["name"] for row in rows)
        table = [{title: row[key] for key, title in SHOWN.items()} for row in rows]
        terminal.answer(rows, line=names, show=lambda console: _listing.show(console, table))
        if not all(row["is_present"] for row in rows):
            terminal.note(
                "What is not here is looked for in the folder that MAPSTO_DATA names; --json tells every place."
            )
