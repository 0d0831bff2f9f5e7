"""Time to a target: a tuned recipe beside the same network with Adam at its default settings.

    make bench-target        or        python benchmarks/target.py [sets]

MNIST to 99.0 % and cifar10 (12,000 training images) to 75 % of the test images. Both recipes have the same network,
data, batch size and augmentation; they differ in optimizer, learning rate, schedule, label smoothing and number
format. The two are trained alternately, three seeds each. After every epoch the test images are scored, off the clock,
with the weights of that epoch; the time to the target is the training time of the first epoch that reaches it. Adam is
given up after 2.2 times the time that the tuned recipe took with the same seed: its time is then at least that, and
counted so.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import keep, ready
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from mapsto.data.prepare import Prepared
from mapsto.recipe.schema import Recipe
from mapsto.training.batches import Tensors
from mapsto.training.loop import TorchTrainer
from mapsto.training.precision import is_native

SEEDS = (0, 1, 2)
PATIENCE = 2.2
"""Times the tuned recipe's time after which Adam is given up: beyond twice, the question is answered."""

ADAM = {
    "optimizer.name": "adam", "optimizer.learning_rate": 1e-3, "schedule.name": "constant",
    "loss.name": "cross_entropy", "loss.label_smoothing": 0.0, "training.precision": "float32",
    "training.averaging": "none", "training.sam_rho": 0.0,
}  # fmt: skip

# Source, target accuracy, what both recipes have in common, what is tuned.
CASES: dict[str, tuple[str, float, list[str], dict[str, Any]]] = {
    "mnist": (
        "mnist/mnist.npz", 0.99,
        ["model.name=cnn", "model.normalization=batch", "training.batch_size=128", "data.validation_share=0.02"],
        {
            "optimizer.name": "adamw", "optimizer.learning_rate": 6e-3, "schedule.name": "one_cycle",
            "training.max_epochs": 2, "loss.label_smoothing": 0.05,
        },
    ),
    "cifar10": (
        "cifar10/cifar10.zip", 0.75,
        [
            "model.name=cnn", "model.num_blocks=3", "model.convs_per_block=2", "model.normalization=batch",
            "model.head=average", "model.dropout=0.0", "training.batch_size=128", "augment.flip_horizontal=1.0",
            "augment.shift=0.1", "data.validation_share=0.02",
        ],
        {
            "optimizer.name": "sgd", "optimizer.learning_rate": 0.2, "optimizer.momentum": 0.9,
            "optimizer.nesterov": True, "optimizer.weight_decay": 5e-4, "schedule.name": "one_cycle",
            "training.max_epochs": 12, "loss.label_smoothing": 0.1,
        },
    ),
}  # fmt: skip


class Watched(TorchTrainer):
    """A training whose present weights can be asked, not only the best so far."""

    def accuracy(self, rows: NDArray[np.int64]) -> float:
        with self._answering():
            predictions, _ = self._evaluate(rows)
        return float((predictions.argmax(1) == np.asarray(self.prepared.arrays["targets"][rows])).mean())


def train(recipe: Recipe, prepared: Prepared, tensors: Tensors, target: float, seconds: float) -> dict[str, Any]:
    """Trains until the target is reached, at most for so long."""
    trainer = Watched(recipe, prepared, tensors)
    accuracies: list[float] = []
    while trainer.seconds < seconds and max(accuracies, default=0.0) < target and trainer.ending is None:
        list(trainer.advance(trainer.epoch + 1))
        accuracies.append(trainer.accuracy(prepared.parts["test"]))
    trainer.close()
    reached = accuracies[-1] >= target
    return {"seconds": trainer.seconds, "epochs": len(accuracies), "accuracies": accuracies, "reached": reached}


def measure(name: str) -> list[dict[str, Any]]:
    source, target, common, tuned = CASES[name]
    tuned = {**tuned, "training.precision": "bf16" if is_native("bf16", "cpu") else "float32"}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        _, _, recipe, prepared = ready(source, None, common, Path(folder))
        recipe = recipe.replace({"training.patience": 0})
        tensors = Tensors(prepared, "cpu")
        arms = {"tuned": recipe.replace(tuned), "adam": recipe.replace(ADAM)}
        arms["adam"] = arms["adam"].replace({"training.max_epochs": 1000})
        for seed in SEEDS:
            allowed = math.inf
            for arm, own in arms.items():
                run = train(own.replace({"training.seed": seed}), prepared, tensors, target, allowed)
                rows.append({"run": f"{name} {arm} {seed}", "data": name, "arm": arm, "seed": seed, **run})
                Console(stderr=True).print(rows[-1])
                allowed = PATIENCE * run["seconds"]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", help=f"of {', '.join(CASES)}; all by default")
    view = Table(title="Seconds of training to the target, by seed")
    for column in ("data", "target", "tuned", "epochs", "Adam", "epochs", "ratio of the medians"):
        view.add_column(column)
    for name in parser.parse_args().sets or CASES:
        rows = measure(name)
        keep("target", rows, "run")
        cells, medians = [], []
        for arm in ("tuned", "adam"):
            own = [row for row in rows if row["arm"] == arm]
            cells.append(", ".join(f"{'' if row['reached'] else '>'}{row['seconds']:.0f}" for row in own))
            cells.append(", ".join(str(row["epochs"]) for row in own))
            medians.append(statistics.median(row["seconds"] for row in own))
        view.add_row(name, f"{100 * CASES[name][1]:.0f} %", *cells, f"{medians[0] / medians[1]:.2f}")
    Console(width=140).print(view)


if __name__ == "__main__":
    main()
