"""Builds the portfolio of recipes that comes with mapsto, and measures on sets left out what it brings.

    python benchmarks/portfolio.py [MODEL/SET/SEED ...]

For each task and model family the same twenty random recipes, and the default one, were trained on several real data
sets: by `benchmarks/defaults.py`, and here, where runs are named as mlp/titanic/1 (the seed is that of the split; each
takes some minutes of one thread). A set's regrets are 0 for the best recipe and 1 from the median on, of the mean of
the validation and test scores over its splits. The portfolio of a kind is the greedy one of `cover`, after the default.

What it brings is measured with each set left out in turn: the portfolio of the other sets is tried on it after the
default recipe, the best of the first m is chosen on the validation part, and its test score stands beside that of the
default alone and beside the best of the default and m random recipes, on average over orders of the twenty.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import RESULTS, ROOT, keep, ready
from defaults import RECIPES, SETS, run
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import mapsto
from mapsto._files import write_json
from mapsto.data.prepare import Prepared
from mapsto.recipe.families import METRICS
from mapsto.recipe.schema import Recipe
from mapsto.recipe.sections import FAMILIES
from mapsto.search.suggestions import cover
from mapsto.tasks._tables import MANY_ROWS, table_defaults
from mapsto.training.batches import Tensors

SIZE, NEEDED = 5, 3
ORDERS = 2000
KINDS = {
    "tabm": ("titanic", "german_credit", "telco_churn", "winequality_white"),
    "mlp": ("titanic", "german_credit", "telco_churn", "winequality_white", "adult"),
    "bag": ("rt_polarity", "imdb", "chnsenticorp"),
}
"""The sets by the model that is trained on them; a dense network is set on small tables as it is on large ones."""

OWN = {"tabm": KINDS["tabm"], "mlp": ("adult",), "bag": KINDS["bag"]}
"""Sets on which the model is the default one, which `benchmarks/defaults.py` measures."""

PORTFOLIO = ROOT / "src" / "mapsto" / "search" / "portfolio.json"
Row = dict[str, Any]


def prepared_for(model: str, name: str, seed: int, folder: Path) -> tuple[Recipe, Prepared]:
    """The default recipe for a model on a set, and the set."""
    source, target, settings = SETS[name]
    space, defaults, default, prepared = ready(source, target, [*settings, f"seed={seed}"], folder)
    if default.model.name != model:
        large = table_defaults(replace(prepared.facts, part_counts={**prepared.facts.part_counts, "train": MANY_ROWS}))
        kept = {leaf: value for leaf, value in defaults.items() if not leaf.startswith(("model.", "optimizer."))}
        default = space.recipe({}, {**large, **kept})
    return default, prepared


def measure(model: str, name: str, seed: int) -> Row:
    """Trains the default recipe, and those that were tried on the model's own sets."""
    tried = defaults_rows()[OWN[model][0]]["tried"]
    with tempfile.TemporaryDirectory() as folder:
        default, prepared = prepared_for(model, name, seed, Path(folder))
        tensors = Tensors(prepared, "cpu")
        return {
            "data": f"{model}/{name}/{seed}",
            "metric": metric_of(default),
            "default": run(default, prepared, tensors),
            "tried": [
                {"chosen": one["chosen"], **run(default.replace(one["chosen"]), prepared, tensors)} for one in tried
            ],
        }


def metric_of(recipe: Recipe) -> str:
    return str(recipe.search.metric or recipe.task.metrics[0])


def defaults_rows() -> dict[str, Row]:
    return {row["data"]: row for row in json.loads((RESULTS / "defaults.json").read_text())["rows"]}


def measured() -> dict[str, dict[str, list[Row]]]:
    """What was measured, by model and set: one row a split, all with the same recipes."""
    path = RESULTS / "portfolio_runs.json"
    further = json.loads(path.read_text())["rows"] if path.is_file() else []
    found: dict[str, dict[str, list[Row]]] = {}
    for model, names in KINDS.items():
        for name in names:
            rows = [row for row in further if row["data"].startswith(f"{model}/{name}/")]
            rows += [defaults_rows()[name]] if name in OWN[model] else []
            assert all(chosen_of(row) == chosen_of(rows[0]) for row in rows)
            if rows:
                found.setdefault(model, {})[name] = rows
    return {model: sets for model, sets in found.items() if len(sets) >= NEEDED}


def chosen_of(row: Row) -> list[dict[str, Any]]:
    return [one["chosen"] for one in row["tried"]]


def scores(row: Row, part: str) -> NDArray[np.float64]:
    """Of the default recipe and the others; more is better."""
    sign = 1.0 if METRICS.get(row["metric"])().direction == "maximize" else -1.0
    return np.array([sign * one[part]["value"] for one in (row["default"], *row["tried"])])


def regrets(rows: list[Row]) -> NDArray[np.float64]:
    """Of each recipe on a set: 0 for the best, 1 from the median on."""
    mean = np.mean([scores(row, part) for row in rows for part in ("validation", "test")], axis=0)
    best = mean.max()
    return np.minimum((best - mean) / (best - np.median(mean)), 1.0)


def portfolio_of(sets: dict[str, list[Row]]) -> tuple[list[int], list[float]]:
    """Numbers of recipes (0 is the default, which comes first), and the mean regret of the best up to each."""
    matrix = np.array([regrets(rows) for rows in sets.values()])
    weights = np.full(len(matrix), 1 / len(matrix))
    order = [0] + [1 + place for place in cover(matrix[:, 1:].T, weights, SIZE, start=matrix[:, 0])]
    return order, [float(matrix[:, order[: m + 1]].min(axis=1).mean()) for m in range(len(order))]


def best_of_first(row: Row, order: list[int], part: str) -> NDArray[np.float64]:
    """Score on a part of what the validation part chooses among the first 1, 2, ... recipes of an order."""
    validation, score = scores(row, "validation"), scores(row, part)
    return np.array([score[order[int(np.argmax(validation[order[: m + 1]]))]] for m in range(len(order))])


def left_out(model: str, sets: dict[str, list[Row]], name: str) -> Row:
    """The portfolio of the other sets on this one, beside random recipes."""
    order, _ = portfolio_of({other: rows for other, rows in sets.items() if other != name})
    generator = np.random.default_rng(0)
    random = [[0, *(1 + generator.permutation(RECIPES)[:SIZE]).tolist()] for _ in range(ORDERS)]
    found: Row = {"data": f"{model}/{name}", "metric": sets[name][0]["metric"], "splits": len(sets[name])}
    for part in ("validation", "test"):
        found[part] = {
            "portfolio": np.mean([best_of_first(row, order, part) for row in sets[name]], axis=0).tolist(),
            "random": np.mean([best_of_first(row, o, part) for row in sets[name] for o in random], axis=0).tolist(),
        }
    return {**found, "order": order}


def gains(rows: list[Row], part: str) -> dict[str, list[float]]:
    """What the best of the default and the first m recipes has over the default, for m = 1, 2, ..., mean over sets."""
    return {
        way: np.mean([np.subtract(row[part][way][1:], row[part][way][0]) for row in rows], axis=0).tolist()
        for way in ("portfolio", "random")
    }


def shipped(model: str, sets: dict[str, list[Row]], rows: list[Row]) -> Row:
    """The portfolio of all sets of a kind, as it comes with mapsto, and what such a one brought on sets left out."""
    name = OWN[model][0]
    with tempfile.TemporaryDirectory() as folder:
        default, _ = prepared_for(model, name, 0, Path(folder))
    order, after = portfolio_of(sets)
    chosen = chosen_of(sets[name][0])
    return {
        "task": default.task.name,
        "model": model,
        "sets": list(sets),
        "tried": RECIPES,
        "test_gain_where_left_out": {
            way: [round(gain, 4) for gain in values] for way, values in gains(rows, "test").items()
        },
        "under": {f"{s}.name": getattr(default, s).name for s in FAMILIES if s != "task"},
        "regret_of_default": round(after[0], 3),
        "recipes": [
            {"chosen": {leaf: _short(value) for leaf, value in chosen[number - 1].items()}, "regret": round(regret, 3)}
            for number, regret in zip(order[1:], after[1:], strict=True)
        ],
    }


def _short(value: Any) -> Any:
    return float(f"{value:.3g}") if isinstance(value, float) else value


def show(rows: list[Row]) -> None:
    view = Table(title="The portfolio of the other sets: test score of the best of the default and the first m")
    columns = ["data", "default", *(f"m={m}" for m in (1, 2, 3, 5)), "random, m=1", "m=3", "m=5"]
    for column in columns:
        view.add_column(column)
    for row in rows:
        ours, random = row["test"]["portfolio"], row["test"]["random"]
        shown = [ours[0], *(ours[m] for m in (1, 2, 3, 5)), *(random[m] for m in (1, 3, 5))]
        view.add_row(row["data"], *(f"{abs(value):.4f}" for value in shown))
    console = Console(width=140)
    console.print(view)
    for model in KINDS:
        for part in ("test", "validation"):
            own = [row for row in rows if row["data"].startswith(f"{model}/")]
            if own:
                pairs = zip(*gains(own, part).values(), strict=True)
                texts = (
                    f"m={m}: {100 * ours:+.2f} (random {100 * random:+.2f})"
                    for m, (ours, random) in enumerate(pairs, 1)
                )
                console.print(f"{model}, mean gain in points, {part}: {', '.join(texts)}", soft_wrap=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", metavar="MODEL/SET/SEED", help="runs to measure first")
    torch.set_num_threads(1)
    for text in parser.parse_args().runs:
        model, name, seed = text.split("/")
        keep("portfolio_runs", [measure(model, name, int(seed))], "data", recipes=RECIPES)
    kinds = measured()
    rows = [left_out(model, sets, name) for model, sets in kinds.items() for name in sets]
    keep("portfolio", rows, "data", recipes=RECIPES, orders=ORDERS)
    portfolios = [
        shipped(model, sets, [row for row in rows if row["data"].startswith(f"{model}/")])
        for model, sets in kinds.items()
    ]
    write_json(
        PORTFOLIO,
        {"version": mapsto.__version__, "date": time.strftime("%Y-%m-%d", time.gmtime()), "portfolios": portfolios},
    )
    show(rows)


if __name__ == "__main__":
    main()
