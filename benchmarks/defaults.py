"""The default recipe beside twenty random ones, on twelve real data sets.

    make bench-defaults        or        python benchmarks/defaults.py [sets]

The random recipes are drawn from the space that `mapsto tune` searches where nothing is given. Every recipe is trained
once, all with one seed; the best of the twenty is the one with the best validation score. The default passes where its
score lies within the 95 % interval of that best one's, or above it: on the test part, which chose nothing. The same
comparison on the validation part, on which the best of twenty had its luck, is printed beside it. One thread a set.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from common import RESULTS, keep, ready
from rich.console import Console
from rich.table import Table

from mapsto.data.prepare import Prepared
from mapsto.evaluation.scorecard import score
from mapsto.recipe.families import METRICS
from mapsto.recipe.schema import Recipe
from mapsto.search.ledger import suggest
from mapsto.training.batches import Tensors
from mapsto.training.loop import TorchTrainer

RECIPES, NEEDED = 20, 9
SEED = 0

# Source, target, settings.
SETS: dict[str, tuple[str, str | None, list[str]]] = {
    "titanic": ("tabular/titanic.csv.gz", "Survived", []),
    "german_credit": ("tabular/german_credit.csv.gz", "credit_risk", []),
    "telco_churn": ("tabular/telco_churn.csv.gz", "Churn", []),
    "adult": ("tabular/adult.csv.gz", "income", []),
    "auto_mpg": ("tabular/auto_mpg.csv.gz", "mpg", []),
    "california_housing": ("tabular/california_housing.csv.gz", "median_house_value", []),
    "winequality_white": ("tabular/winequality_white.csv.gz", "quality", []),
    "clothing10": ("clothing10/clothing10.zip", None, []),
    "bccd": ("bccd/bccd.zip", "Platelets", []),
    "rt_polarity": ("rt_polarity/rt_polarity.csv.gz", "label", []),
    "imdb": ("imdb/imdb_9k.csv.gz", "label", []),
    "chnsenticorp": ("chnsenticorp/chnsenticorp_hotel.csv.gz", "label", []),
}


def run(recipe: Recipe, prepared: Prepared, tensors: Tensors) -> dict[str, Any]:
    """Trains a recipe, and scores it on the validation and on the test part with intervals."""
    started = time.perf_counter()
    trainer = TorchTrainer(recipe.replace({"training.seed": SEED}), prepared, tensors)
    for _ in trainer.advance(recipe.training.max_epochs):
        pass
    metric, found = recipe.search.metric or recipe.task.metrics[0], {}
    for part in ("validation", "test"):
        rows = prepared.parts[part]
        encoder = prepared.encoders["targets"]
        truth = recipe.task.truth(np.asarray(prepared.arrays["targets"][rows]), encoder)
        names = encoder.spec.names or None
        card = score((metric,), trainer.predict(rows), truth, names, part, seed=SEED)
        interval = card.metrics[metric]
        found[part] = {"value": interval.value, "low": interval.low, "high": interval.high}
    trainer.close()
    return {**found, "seconds": time.perf_counter() - started}


def measure(name: str) -> dict[str, Any]:
    source, target, settings = SETS[name]
    with tempfile.TemporaryDirectory() as folder:
        space, defaults, default, prepared = ready(source, target, settings, Path(folder), searching=True)
        tensors = Tensors(prepared, "cpu")
        metric = default.search.metric or default.task.metrics[0]
        sign = 1.0 if METRICS.get(metric)().direction == "maximize" else -1.0
        own = run(default, prepared, tensors)
        tried = []
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=SEED))
        for _ in range(RECIPES):
            trial = study.ask()
            chosen = space.walk(partial(suggest, trial), defaults)
            tried.append({"chosen": chosen, **run(space.recipe(chosen, defaults), prepared, tensors)})
    best = max(tried, key=lambda one: sign * one["validation"]["value"])
    within = {}
    for part in ("validation", "test"):
        edge = best[part]["low"] if sign > 0 else best[part]["high"]
        within[part] = bool(sign * own[part]["value"] >= sign * edge)
    return {"data": name, "metric": metric, "default": own, "best": best, "within": within, "tried": tried}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", help=f"of {', '.join(SETS)}; all by default")
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for name in parser.parse_args().sets or SETS:
        keep("defaults", [measure(name)], "data", recipes=RECIPES)
    rows = json.loads((RESULTS / "defaults.json").read_text())["rows"]
    view = Table(title=f"The default recipe beside the best of {RECIPES} random ones")
    for column in ("data", "metric", "default, test", "best, test", "its interval", "within", "within, validation"):
        view.add_column(column)
    for row in rows:
        best = row["best"]["test"]
        view.add_row(
            row["data"], row["metric"], f"{row['default']['test']['value']:.4g}", f"{best['value']:.4g}",
            f"{best['low']:.4g} to {best['high']:.4g}", str(row["within"]["test"]), str(row["within"]["validation"]),
        )  # fmt: skip
    Console(width=140).print(view)
    Console().print(
        f"{sum(row['within']['test'] for row in rows)} of {len(rows)} within the interval; {NEEDED} of 12 wanted."
    )


if __name__ == "__main__":
    main()
