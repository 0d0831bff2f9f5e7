"""`mapsto show`: a recipe with every default filled in."""

from __future__ import annotations

from mapsto.cli import _options
from mapsto.cli._terminal import Terminal

EXAMPLES = (
    "mapsto show recipe.yaml",
    "mapsto show digits --set optimizer.name=sgd",
)


def show(
    source: _options.Source,
    target: _options.Target = None,
    task: _options.Task = None,
    recipe: _options.RecipeFile = None,
    settings: _options.Settings = None,
    as_json: _options.Json = False,
    quiet: _options.Quiet = False,
    debug: _options.Debug = False,
) -> None:
    """Print a recipe with every default filled in."""
    with Terminal(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        data, recipe = _options.split(source, recipe)
        from mapsto import api  # here, so that --help does not load it

        text = api.show(data, target=target, task=task, recipe=recipe, settings=settings or ())
        terminal.answer({"recipe": text}, line=text.rstrip("\n"))
