"""`mapsto show`: a recipe with every default filled in, its network, or its learning rates."""

from __future__ import annotations

from typing import Annotated

import typer

from mapsto.cli import _options
from mapsto.cli._terminal import Terminal

EXAMPLES = (
    "mapsto show recipe.yaml",
    "mapsto show digits --set optimizer.name=sgd",
    "mapsto show digits --model --set model.name=resnet",
    "mapsto show digits --schedule --set schedule.name=cosine --set schedule.cycles=3",
)


def show(
    source: _options.Source,
    target: _options.Target = None,
    task: _options.Task = None,
    recipe: _options.RecipeFile = None,
    settings: _options.Settings = None,
    model: Annotated[
        bool,
        typer.Option("--model", help="Show its network instead: layers, parameters, multiply-adds, memory of a step."),
    ] = False,
    schedule: Annotated[
        bool, typer.Option("--schedule", help="Show its learning rate over the steps of the training instead.")
    ] = False,
    as_json: _options.Json = False,
    quiet: _options.Quiet = False,
    debug: _options.Debug = False,
) -> None:
    """Print a recipe with every default filled in, the network that it makes, or its learning rates."""
    with Terminal(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        if model and schedule:
            raise typer.BadParameter("one at a time, please: --model or --schedule.", param_hint="--schedule")
        data, recipe = _options.split(source, recipe)
        from mapsto import preview  # here, so that --help does not load it

        if model:
            network = preview.show_model(data, target=target, task=task, recipe=recipe, settings=settings or ())
            from mapsto.cli import _network  # here, since it needs rich

            lines = "\n".join(f"{name}: {value}" for name, value in _network.facts(network))
            terminal.answer(network, line=lines, show=lambda console: _network.show(console, network))
            return
        if schedule:
            curve = preview.show_schedule(data, target=target, task=task, recipe=recipe, settings=settings or ())
            from mapsto.cli._chart import chart

            title = f"learning rate of {curve['optimizer']}, schedule {curve['schedule']}, {curve['epochs']:,} epochs"
            terminal.answer(curve, line=chart(curve["learning_rates"], title=title, unit="steps"))
            return
        text = preview.show(data, target=target, task=task, recipe=recipe, settings=settings or ())
        terminal.answer({"recipe": text}, line=text.rstrip("\n"))
