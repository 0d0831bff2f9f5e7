"""Recipes that come with mapsto: few, chosen so that on most data sets one of them does well.

`portfolio.json` is built by `benchmarks/portfolio.py` from real runs and says on which sets. Nothing of it is tried
unless `search.portfolio` asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mapsto import _files
from mapsto._messages import count, say
from mapsto.recipe.space import Space
from mapsto.search.suggestions import PORTFOLIO, Suggestion, models_of, translated

FILE = Path(__file__).with_suffix(".json")


def portfolio(task: str, space: Space, defaults: Mapping[str, Any], max_trials: int) -> list[Suggestion]:
    """The recipes of the portfolio for a task and the models that are searched, in the order to be tried in.

    Args:
        task: its name.
        space: what is searched; only that is taken of each recipe, and what is then the default recipe, or another
            one again, is left out.
        defaults: values of leaves that the space leaves open, by dotted name.
        max_trials: suggestions, at most.

    Returns:
        None where the portfolio has nothing for such a task and model.
    """
    models = models_of(space, defaults)
    kinds = [kind for kind in _files.read_json(FILE)["portfolios"] if kind["task"] == task and kind["model"] in models]
    numbered = [(number, recipe, kind) for kind in kinds for number, recipe in enumerate(kind["recipes"], start=1)]
    seen, found = [translated({}, space, defaults)], []
    for number, recipe, kind in sorted(numbered, key=lambda one: one[0]):  # the models in turn
        chosen = translated({**kind["under"], **recipe["chosen"]}, space, defaults)
        if chosen not in seen:
            seen.append(chosen)
            why = say(
                "recipe {number} of the portfolio for {model}, measured on {sets}",
                number=number,
                model=kind["model"],
                sets=count(len(kind["sets"]), "data set"),
            )
            found.append(Suggestion(chosen, PORTFOLIO, why))
    return found[:max_trials]
