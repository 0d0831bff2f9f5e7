"""`mapsto datasets`: the data sets that have a name."""

from __future__ import annotations

from typing import Annotated

import typer

from mapsto.cli import _options
from mapsto.cli._terminal import Terminal

EXAMPLES = (
    "mapsto datasets",
    "mapsto datasets --root ~/data --json",
    "mapsto datasets --download fashion-mnist --root ~/data",
)
SHOWN = {"name": "name", "rows": "rows", "is_present": "here", "description": "description"}


def datasets(
    download: Annotated[
        str | None,
        typer.Option("--download", metavar="NAME", help="Fetch this set from its authors.", show_default=False),
    ] = None,
    root: Annotated[
        str | None,
        typer.Option(
            "--root", metavar="FOLDER", help="Where named sets lie, and where --download puts them.", show_default=False
        ),
    ] = None,
    as_json: _options.Json = False,
    quiet: _options.Quiet = False,
    debug: _options.Debug = False,
) -> None:
    """List the data sets that have a name, or download one of them.

    digits comes with scikit-learn. The others are looked for below --root (in a recipe: data.root), in the folder that
    the environment variable MAPSTO_DATA names, and in ~/.cache/mapsto/data; --json tells every place. Nothing is
    downloaded unless --download names it; what comes is checked by its SHA-256.
    """
    with Terminal(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        from mapsto import preview  # here, so that --help does not load it
        from mapsto.cli import _listing

        if download is not None:
            preview.download(download, root=root)
        rows = [row for row in preview.datasets(root) if download in (None, row["name"])]
        names = "\n".join(row["name"] for row in rows)
        table = [{title: row[key] for key, title in SHOWN.items()} for row in rows]
        terminal.answer(rows, line=names, show=lambda console: _listing.show(console, table))
        if not all(row["is_present"] for row in rows):
            terminal.note(
                "What is not here is looked for in the folder that MAPSTO_DATA names; --json tells every place."
            )
