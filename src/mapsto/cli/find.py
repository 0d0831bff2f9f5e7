"""`mapsto find`: batch size, learning rate and number of epochs, found by short runs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mapsto import _files
from mapsto.cli import _options
from mapsto.cli._terminal import Terminal

if TYPE_CHECKING:
    from rich.console import Console

    from mapsto.training.finders.find import Found
    from mapsto.training.finders.learning_rate import ShortRun
    from mapsto.training.finders.probe import BatchCost

EXAMPLES = (
    "mapsto find digits",
    "mapsto find churn.csv --target churned --only learning_rate",
    "mapsto find recipe.yaml --out found.yaml",
)


def find(
    source: _options.Source,
    target: _options.Target = None,
    network: _options.OwnNetwork = None,
    task: _options.Task = None,
    recipe: _options.RecipeFile = None,
    settings: _options.Settings = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="FINDER",
            help="batch_size, learning_rate or max_epochs. Can be repeated.",
            show_default=False,
        ),
    ] = None,
    seed: _options.Seed = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Write the recipe with what was found.", show_default=False),
    ] = None,
    overwrite: _options.Overwrite = False,
    as_json: _options.Json = False,
    quiet: _options.Quiet = False,
    debug: _options.Debug = False,
) -> None:
    """Find the batch size, the learning rate and the number of epochs for a recipe, in this order.

    Each is measured on these data and this machine: nothing is searched, and nothing is kept but the answer.
    """
    with Terminal(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        data, recipe = _options.split(source, recipe)
        _options.check_free(out, overwrite)
        from mapsto import preview  # here, so that --help does not load it

        own = _options.own(network)
        found = preview.find(
            data if own is None else own, data=None if own is None else data, target=target, task=task,
            recipe=recipe, settings=settings or (), only=only, seed=seed,
            on_progress=terminal.note,
        )  # fmt: skip
        if out is not None:
            _files.write_text(out, found.recipe.to_yaml())
        line = " ".join(f"--set {name}={value:g}" for name, value in found.settings.items())
        terminal.answer(found.to_json(), line=line, show=lambda console: _show(console, found, line))


def _show(console: Console, found: Found, line: str) -> None:
    """Prints what each finder saw, then the settings as the command line takes them."""
    from mapsto.cli import _listing  # here, since it needs rich

    if found.batch is not None:
        noise = f"{found.batch.noise_scale:,.0f} rows" if math.isfinite(found.batch.noise_scale) else "beyond measure"
        console.print(
            f"Batch size {found.batch.size:,}. Noise scale of the gradient: {noise}. "
            f"Memory that may be used: {found.batch.memory_limit / 2**20:,.0f} MB."
        )
        _listing.show(console, [_cost(cost, cost.size == found.batch.size) for cost in found.batch.costs])
    if found.rate is not None:
        console.print(f"Learning rate {found.rate.rate:.3g}, for the price of {found.rate.cost:.2f} whole runs.")
        _listing.show(console, [_short_run(run) for run in found.rate.runs])
    if found.epochs is not None:
        console.print(f"Epochs {found.epochs.max_epochs}.")
        heads = ("epochs", "best_epoch", "score_there")
        _listing.show(console, [dict(zip(heads, run, strict=True)) for run in found.epochs.runs])
    console.print(line, soft_wrap=True)


def _cost(cost: BatchCost, is_pick: bool) -> dict[str, Any]:
    return {
        "rows": cost.size,
        "step_in_ms": f"{1e3 * cost.seconds:.1f}",
        "rows_a_second": round(cost.rows_per_second),
        "memory_in_MB": round(cost.memory / 2**20),
        "pick": is_pick,
    }


def _short_run(run: ShortRun) -> dict[str, Any]:
    loss = f"{run.loss:.4f}" if math.isfinite(run.loss) else "diverged"
    return {"learning_rate": f"{run.rate:.2g}", "steps": run.steps, "validation_loss": loss}
