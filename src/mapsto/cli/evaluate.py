"""`mapsto evaluate`: how good a trained network is."""

from __future__ import annotations

from typing import Annotated

import typer

from mapsto.cli import _options
from mapsto.cli._terminal import Terminal

EXAMPLES = (
    "mapsto evaluate runs/churn",
    "mapsto evaluate runs/churn new_customers.csv --json",
)


def evaluate(
    run: _options.RunFolder,
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[SOURCE]", help="New data with the target; without them, the run's own test.", show_default=False
        ),
    ] = None,
    target: _options.Target = None,
    network: _options.OwnNetwork = None,
    as_json: _options.Json = False,
    quiet: _options.Quiet = False,
    debug: _options.Debug = False,
) -> None:
    """Show how good the best network of a run is.

    Without SOURCE, that is the run's own test; with it, the answers to new data whose target is known.
    """
    with Terminal(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        from mapsto import api  # here, so that --help does not load it
        from mapsto.cli import _answer

        card = api.evaluate(run, source, target=target, network=_options.own(network)).to_json()
        metrics = [f"{m['title']} {_answer.value_text(m)}" for m in card["metrics"].values()]
        terminal.answer(card, line=", ".join(metrics), show=lambda console: _answer.show_scorecard(console, card))
