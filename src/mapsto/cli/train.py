"""`mapsto train`: one recipe, trained and tested, with no search."""

from __future__ import annotations

from mapsto.cli import _options
from mapsto.cli._terminal import Terminal

EXAMPLES = (
    "mapsto train digits",
    "mapsto train recipe.yaml --set training.max_epochs=5",
    "mapsto train churn.csv --target churned --set model.name=mlp --set optimizer.learning_rate=0.01",
)


def train(
    source: _options.Source,
    target: _options.Target = None,
    network: _options.OwnNetwork = None,
    task: _options.Task = None,
    recipe: _options.RecipeFile = None,
    settings: _options.Settings = None,
    budget: _options.Budget = None,
    seed: _options.Seed = None,
    out: _options.RunOut = None,
    overwrite: _options.OverwriteRun = False,
    as_json: _options.Json = False,
    quiet: _options.Quiet = False,
    debug: _options.Debug = False,
) -> None:
    """Train one recipe and test it, with no search.

    Settings that are not given have the defaults that suit these data.
    """
    with Terminal(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        data, recipe = _options.split(source, recipe)
        from mapsto import api  # here, so that --help does not load it

        with terminal.study() as listener:
            own = _options.own(network)
            result = api.train(
                data if own is None else own,
                data=None if own is None else data,
                target=target,
                task=task,
                recipe=recipe,
                settings=settings or (),
                budget=budget,
                seed=seed,
                out=out,
                overwrite=overwrite,
                listener=listener,
            )
        terminal.result(result)
