"""The learning-rate finder beside a grid of whole runs, on ten pairs of task and network.

    make bench-finders        or        python benchmarks/finders.py [pairs]

For each pair the finder picks a rate; that rate and twelve of a grid, from 1e-5 to 1, are then trained to the end with
the same seeds. What is compared is the lowest validation loss of a run, the mean over the seeds: it is that of the
weights that mapsto keeps. The finder passes where its rate ends within 5 % of the best of the grid, and costs at most
a tenth of the grid's steps. One thread.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import FSDD, RESULTS, keep, ready
from rich.console import Console
from rich.table import Table

from mapsto.data.prepare import Prepared
from mapsto.recipe.schema import Recipe
from mapsto.training.batches import Tensors
from mapsto.training.finders.find import find
from mapsto.training.loop import TorchTrainer

GRID = np.geomspace(1e-5, 1.0, 12)
FEW_ROWS, SEEDS, MORE_SEEDS = 2_000, range(3), range(10)
"""Below so many training rows, the luck of three seeds is larger than the five percent that are asked about."""
WITHIN, SHARE = 1.05, 0.1

# Source, target, settings.
PAIRS: dict[str, tuple[str, str | None, list[str]]] = {
    "titanic, mlp": ("tabular/titanic.csv.gz", "Survived", ["model.name=mlp"]),
    "german_credit, mlp": ("tabular/german_credit.csv.gz", "credit_risk", ["model.name=mlp", "optimizer.name=adam"]),
    "telco_churn, tabm": ("tabular/telco_churn.csv.gz", "Churn", ["model.name=tabm", "training.max_epochs=12"]),
    "auto_mpg, mlp": ("tabular/auto_mpg.csv.gz", "mpg", ["model.name=mlp"]),
    "winequality, mlp": ("tabular/winequality_white.csv.gz", "quality", ["model.name=mlp", "optimizer.name=rmsprop"]),
    "california, realmlp": (
        "tabular/california_housing.csv.gz", "median_house_value", ["model.name=realmlp", "training.max_epochs=10"],
    ),
    "digits, mlp": ("digits", None, ["model.name=mlp", "optimizer.name=sgd", "optimizer.momentum=0.9"]),
    "digits, cnn": ("digits", None, ["model.name=cnn"]),
    "digits, resnet": ("digits", None, ["model.name=resnet", "model.channels=8", "training.max_epochs=8"]),
    "fsdd, cnn": ("fsdd/fsdd.zip", None, [FSDD, "model.channels=8", "training.max_epochs=6"]),
}  # fmt: skip


def seeds_for(prepared: Prepared) -> range:
    return MORE_SEEDS if len(prepared.parts["train"]) < FEW_ROWS else SEEDS


def lowest_loss(recipe: Recipe, prepared: Prepared, tensors: Tensors, rate: float) -> float:
    """Mean over the seeds of the lowest validation loss; infinite where a run diverged before its first epoch."""
    losses = []
    for seed in seeds_for(prepared):
        settings = {"optimizer.learning_rate": rate, "training.seed": seed, "training.patience": 0}
        trainer = TorchTrainer(recipe.replace(settings), prepared, tensors)
        measured = [m.validation_loss for m in trainer.advance(recipe.training.max_epochs)]
        losses.append(min((loss for loss in measured if math.isfinite(loss)), default=math.inf))
        trainer.close()
    return float(np.mean(losses))


def measure(pair: str, grid: dict[float, float] | None) -> dict[str, Any]:
    source, target, settings = PAIRS[pair]
    with tempfile.TemporaryDirectory() as folder:
        _, _, recipe, prepared = ready(source, target, settings, Path(folder))
        tensors = Tensors(prepared, "cpu")
        started = time.perf_counter()
        found = find(recipe, prepared, tensors, only=["learning_rate"]).rate
        finder_seconds = time.perf_counter() - started
        assert found is not None
        if grid is None:
            grid = {float(rate): lowest_loss(recipe, prepared, tensors, float(rate)) for rate in GRID}
        picked = lowest_loss(recipe, prepared, tensors, found.rate)
    best = min(grid, key=lambda rate: grid[rate])
    return {
        "pair": pair, "seeds": len(seeds_for(prepared)), "pick": found.rate, "pick_loss": picked, "best_rate": best,
        "best_loss": grid[best], "ratio": picked / grid[best], "share_of_steps": found.cost / len(GRID),
        "finder_seconds": finder_seconds, "passed": picked <= WITHIN * grid[best] and found.cost <= SHARE * len(GRID),
        "grid": grid,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reuse-grid", action="store_true", help="take the losses of the grid from the last results")
    parser.add_argument("pairs", nargs="*", help=f"of {'; '.join(PAIRS)}; all by default")
    torch.set_num_threads(1)
    rows = []
    given = parser.parse_args()
    old = json.loads((RESULTS / "finders.json").read_text())["rows"] if given.reuse_grid else []
    grids = {row["pair"]: {float(rate): loss for rate, loss in row["grid"].items()} for row in old}
    for pair in given.pairs or PAIRS:
        rows.append(measure(pair, grids.get(pair)))
        keep("finders", rows, "pair")
    view = Table(title="Learning-rate finder beside a grid of twelve")
    for column in ("pair", "pick", "loss", "best of grid", "its loss", "ratio", "share of the steps", "passed"):
        view.add_column(column)
    for row in rows:
        view.add_row(
            row["pair"], f"{row['pick']:.2g}", f"{row['pick_loss']:.4f}", f"{row['best_rate']:.2g}",
            f"{row['best_loss']:.4f}", f"{row['ratio']:.3f}", f"{row['share_of_steps']:.3f}", str(row["passed"]),
        )  # fmt: skip
    Console(width=140).print(view)


if __name__ == "__main__":
    main()
