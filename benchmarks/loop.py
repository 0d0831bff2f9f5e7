"""What a step costs beside a bare PyTorch loop, with metrics, progress and trace on.

Three cases: the two-convolution network on 28×28 images at batch 128, an MLP 30-128-128-2 at batch 256, and the LSTM
recipe (Embedding 10000×64, LSTM 64, dense) at batch 32 and length 200. Both loops use the same network, the same
optimizer with the same settings, the same tensors and batch size; both shuffle, and both score the validation rows
after each epoch. The bare loop does nothing else. They run alternately, epoch by epoch, in one process; the figure is
the median of the ratios of neighbouring epochs.

    make bench-loop        or        python benchmarks/loop.py [--epochs 9] [--threads 1]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


import numpy as np
import torch
from rich.console import Console
from rich.table import Table as RichTable

from mapsto import _environment
from mapsto.data.prepare import prepare
from mapsto.data.prepared import Prepared
from mapsto.data.read import read
from mapsto.recipe.schema import DataOptions, Recipe
from mapsto.recipe.space import Space
from mapsto.training.batches import Tensors
from mapsto.training.epochs import build_network
from mapsto.training.loop import TorchTrainer
from mapsto.training.trace import Trace

RESULTS = Path(__file__).parent / "results" / "loop.json"


def images() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (6400, 28, 28), dtype=np.uint8), rng.integers(0, 10, 6400).astype(str)


def table() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(64_000, 30)), rng.integers(0, 2, 64_000).astype(str)


def texts() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    words = np.array([f"w{index}" for index in range(9_998)])
    # Every word occurs, so that the vocabulary is full; every text has 200 words.
    drawn = np.concatenate([np.tile(np.arange(9_998), 13)[:128_000], rng.integers(0, 9_998, 128_000)]).reshape(-1, 200)
    return np.array([" ".join(words[row]) for row in drawn], dtype=object), rng.integers(0, 2, len(drawn)).astype(str)


CASES = {
    "two-convolution network, batch 128": (
        images,
        ["task.name=image_classification", "model.name=cnn", "training.batch_size=128", "optimizer.name=adam"],
    ),
    "MLP 30-128-128-2, batch 256": (
        table,
        ["task.name=tabular_classification", "model.name=mlp", "training.batch_size=256", "optimizer.name=adam"],
    ),
    "LSTM recipe, batch 32, length 200": (
        texts,
        ["task.name=text_classification", "model.name=rnn", "training.batch_size=32", "optimizer.name=adam"],
    ),
}


class BareLoop:
    """What one would write by hand, once one knows what is fast."""

    def __init__(self, recipe: Recipe, prepared: Prepared) -> None:
        self.network = build_network(recipe, prepared)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=recipe.optimizer.learning_rate, fused=True)
        self.batch_size = recipe.training.batch_size
        rows = {part: torch.from_numpy(prepared.parts[part]) for part in ("train", "validation")}
        inputs, targets = (torch.from_numpy(np.array(prepared.arrays[name])) for name in ("inputs", "targets"))
        self.x, self.y = inputs[rows["train"]], targets[rows["train"]]
        self.x_validation, self.y_validation = inputs[rows["validation"]], targets[rows["validation"]]

    def epoch(self) -> float:
        self.network.train()
        for rows in torch.randperm(len(self.x)).split(self.batch_size):
            self.optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(self.network(self.x[rows]), self.y[rows])
            loss.backward()
            self.optimizer.step()
        self.network.eval()
        right = 0
        with torch.inference_mode():
            for x, y in zip(self.x_validation.split(1024), self.y_validation.split(1024), strict=True):
                right += int((self.network(x).argmax(1) == y).sum())
        return right / len(self.y_validation)


def measure(name: str, epochs: int, folder: Path) -> dict[str, float | str]:
    """Alternates epochs of the bare loop and of mapsto's, and compares neighbours."""
    make, settings = CASES[name]
    task = next(s.partition("=")[2] for s in settings if s.startswith("task.name"))
    space = Space.from_settings([*settings, f"training.max_epochs={epochs + 2}", "training.patience=0"])
    recipe = space.recipe({}, {"task.name": task})
    data = read(make(), options=DataOptions())
    prepared = prepare(data, task=recipe.task, recipe_data=recipe.data, seed=0, folder=folder / "data")
    ticks = []
    trainer = TorchTrainer(recipe, prepared, Tensors(prepared, "cpu"), trace=Trace(folder / "trace.jsonl"))
    bare = BareLoop(recipe, prepared)
    seconds: dict[str, list[float]] = {"bare": [], "mapsto": []}
    for epoch in range(epochs + 1):
        turns = ("bare", "mapsto") if epoch % 2 == 0 else ("mapsto", "bare")
        for turn in turns:
            started = time.perf_counter()
            if turn == "bare":
                bare.epoch()
            else:
                list(trainer.advance(epoch + 1, on_tick=ticks.append))
            if epoch > 0:  # the first epoch warms up
                seconds[turn].append(time.perf_counter() - started)
    steps = trainer.steps_per_epoch
    ratios = [ours / bare for ours, bare in zip(seconds["mapsto"], seconds["bare"], strict=True)]
    return {
        "case": name,
        "steps": steps,
        "bare_ms_per_step": 1000 * statistics.median(seconds["bare"]) / steps,
        "mapsto_ms_per_step": 1000 * statistics.median(seconds["mapsto"]) / steps,
        "ratio": statistics.median(ratios),
        "ratio_low": min(ratios),
        "ratio_high": max(ratios),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=9, help="measured epochs of each loop (default 9)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="torch threads")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(name, arguments.epochs, Path(folder) / str(i)) for i, name in enumerate(CASES)]
    view = RichTable(title=f"Cost of a step, {arguments.threads} thread(s), {arguments.epochs} epochs, alternately")
    for column in ("case", "bare, ms/step", "mapsto, ms/step", "ratio (median)", "lowest", "highest"):
        view.add_column(column, justify="left" if column == "case" else "right")
    for row in rows:
        figures = (
            row["bare_ms_per_step"],
            row["mapsto_ms_per_step"],
            row["ratio"],
            row["ratio_low"],
            row["ratio_high"],
        )
        view.add_row(str(row["case"]), *(f"{figure:.3f}" for figure in figures))
    Console(width=120).print(view)
    RESULTS.parent.mkdir(exist_ok=True)
    record = {
        "threads": arguments.threads,
        "epochs": arguments.epochs,
        "machine": _environment.describe(),
        "rows": rows,
    }
    RESULTS.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
