"""`mapsto schema`: what a recipe may hold, for editors and other programs."""

from __future__ import annotations

import json

from mapsto.cli import _options
from mapsto.cli._terminal import Terminal

EXAMPLES = ("mapsto schema > recipe.schema.json",)


def schema(as_json: _options.Json = False, quiet: _options.Quiet = False, debug: _options.Debug = False) -> None:
    """Print the JSON Schema of recipes.

    Editors use it to complete and check them.
    """
    with Terminal(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        from mapsto import preview  # here, so that --help does not load it

        document = preview.schema()
        terminal.answer(document, line=json.dumps(document, indent=2, ensure_ascii=False))
