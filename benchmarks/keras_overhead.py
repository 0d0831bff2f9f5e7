"""What an epoch of a Keras model costs by mapsto's trainer beside `model.fit` alone, on each backend.

The two-convolution network on 28×28 images at batch 128, and Embedding 10000×64 – LSTM 64 – dense at batch 32 and
length 80. Both have the same model, compiled the same way, the same rows, batches and validation rows, which both
score after each epoch: `fit` by `validation_data` and the metric accuracy, mapsto by its own metrics, with trace,
ticks and the best weights kept. They run alternately, epoch by epoch, in one process; the figure is the median of the
ratios of neighboring epochs, without the first ones, in which models are compiled. At most 1.05 is wanted.

    make bench-keras        or        python benchmarks/keras_overhead.py [--epochs 11] [--threads 1] [backends]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import common
from rich.console import Console
from rich.table import Table as RichTable

BACKENDS = ("torch", "tensorflow", "jax")
MOST = 1.05
WARM_UP = 2


def cases() -> dict[str, Any]:
    """Builder, inputs, classes and batch size of each."""
    import keras
    import numpy as np

    layers, rng = keras.layers, np.random.default_rng(0)

    def cnn(_: Any) -> Any:
        model = keras.Sequential([
            keras.Input((28, 28, 1)), layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ])  # fmt: skip
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def lstm(_: Any) -> Any:
        model = keras.Sequential([
            keras.Input((80,), dtype="int32"), layers.Embedding(10000, 64), layers.LSTM(64),
            layers.Dense(1, activation="sigmoid"),
        ])  # fmt: skip
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        return model

    return {
        "cnn": (cnn, rng.random((5000, 28, 28, 1), dtype=np.float32), rng.integers(0, 10, 5000), 128),
        "lstm": (lstm, rng.integers(0, 10_000, (1600, 80)).astype(np.int32), rng.integers(0, 2, 1600), 32),
    }


def measure(epochs: int) -> list[dict[str, Any]]:
    """The rows of this process's backend."""
    import keras
    import torch

    from mapsto._own_network import look_at, settings_of
    from mapsto.adapters.keras import KerasTrainer
    from mapsto.data.own_arrays import table_of_arrays
    from mapsto.data.prepare import prepare
    from mapsto.models._handed import Network
    from mapsto.recipe.space import Space
    from mapsto.training.batches import Tensors
    from mapsto.training.trace import Trace

    rows = []
    for name, (build, x, y, size) in cases().items():
        with tempfile.TemporaryDirectory() as folder:
            given = Space.from_mapping({
                "task.name": "array_classification", **settings_of(Network(build)), "training.batch_size": size,
                "training.max_epochs": epochs + WARM_UP, "training.patience": 0, "training.seed": 0,
            })  # fmt: skip
            recipe = given.recipe()
            prepared = prepare(
                table_of_arrays(x, y), task=recipe.task, recipe_data=recipe.data, seed=0, folder=Path(folder)
            )
            recipe = given.recipe({}, look_at(given, recipe, prepared).defaults)
            trainer = KerasTrainer(
                recipe, prepared, Tensors(prepared, "cpu"), trace=Trace(Path(folder) / "trace.jsonl")
            )
            bare = build(None)
            train, validation = (prepared.parts[part] for part in ("train", "validation"))
            x_train, y_train, held_out = x[train], y[train], (x[validation], y[validation])
            ours, theirs = [], []
            for epoch in range(epochs + WARM_UP):
                started = time.perf_counter()
                next(trainer.advance(epoch + 1))
                ours.append(time.perf_counter() - started)
                started = time.perf_counter()
                bare.fit(
                    x_train,
                    y_train,
                    batch_size=size,
                    initial_epoch=epoch,
                    epochs=epoch + 1,
                    verbose=0,
                    validation_data=held_out,
                )
                theirs.append(time.perf_counter() - started)
            trainer.close()
        ratios = sorted(one / other for one, other in zip(ours[WARM_UP:], theirs[WARM_UP:], strict=True))
        steps = -(-len(train) // size)
        rows.append(
            {
                "case": f"{name} on {keras.backend.backend()}",
                "ratio": round(statistics.median(ratios), 4),
                "low": round(ratios[0], 4),
                "high": round(ratios[-1], 4),
                "threads": torch.get_num_threads(),
                "fit_ms_a_step": round(1000 * statistics.median(theirs[WARM_UP:]) / steps, 3),
                "epochs": epochs,
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backends", nargs="*", default=BACKENDS)
    parser.add_argument("--epochs", type=int, default=11)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--one", action="store_true", help="in this process, on the backend of the environment")
    arguments = parser.parse_args()
    if arguments.one:
        print("ROWS " + json.dumps(measure(arguments.epochs)))
        return
    threads = dict.fromkeys(
        ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), str(arguments.threads)
    )
    rows = []
    for backend in arguments.backends:
        environment = {
            **os.environ,
            **threads,
            "KERAS_BACKEND": backend,
            "TF_CPP_MIN_LOG_LEVEL": "2",
            "OMP_WAIT_POLICY": "PASSIVE",
        }
        words = [sys.executable, __file__, "--one", "--epochs", str(arguments.epochs)]
        done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        (line,) = [line for line in done.stdout.splitlines() if line.startswith("ROWS ")]
        rows += json.loads(line.removeprefix("ROWS "))
        common.keep("keras_overhead", rows, "case")
    view = RichTable(title=f"An epoch beside model.fit alone, times; at most {MOST} is wanted")
    for column in ("case", "median", "lowest", "highest", "fit, ms a step"):
        view.add_column(column, justify="left" if column == "case" else "right")
    for row in rows:
        view.add_row(row["case"], *(f"{row[name]:.3f}" for name in ("ratio", "low", "high", "fit_ms_a_step")))
    Console(width=100).print(view)


if __name__ == "__main__":
    main()
