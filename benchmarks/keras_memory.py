"""What a study of 300 Keras models holds of the memory, on each backend: its peak after trial 300 beside that after 20.

The two-convolution network on 300 random images of 28×28 pixels, one epoch a trial, searched over its widths, so that
no model is like another. TensorFlow and JAX keep some megabytes of every model, so mapsto trains them in worker
processes that are replaced; on the torch backend it trains in its own process. The memory is that of the leading
process and its workers together, looked at five times a second; the peak may grow by a fifth at most.

    make bench-keras-memory        or        python benchmarks/keras_memory.py [--trials 300] [backends]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import common
from memory import resident_mb
from rich.console import Console
from rich.table import Table as RichTable

BACKENDS = ("torch", "tensorflow", "jax")
MOST_GROWTH = 1.2
EARLY = 20


def study(trials: int) -> dict[str, Any]:
    """Runs the study of this process's backend."""
    import keras
    import numpy as np

    import mapsto as mp

    rng = np.random.default_rng(0)
    x, y = rng.random((300, 28, 28, 1), dtype=np.float32), rng.integers(0, 10, 300)

    def build(hp):  # type: ignore[no-untyped-def]
        layers = keras.layers
        model = keras.Sequential([
            keras.Input((28, 28, 1)),
            layers.Conv2D(hp.Int("first", 16, 48), 3, activation="relu"), layers.MaxPooling2D(),
            layers.Conv2D(hp.Int("second", 32, 96), 3, activation="relu"), layers.MaxPooling2D(),
            layers.Flatten(), layers.Dense(10, activation="softmax"),
        ])  # fmt: skip
        model.compile(
            keras.optimizers.Adam(hp.Float("lr", 1e-4, 1e-2, sampling="log")), "sparse_categorical_crossentropy"
        )
        return model

    peaks, ended, over = {EARLY: 0.0, trials: 0.0}, [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            held = resident_mb(os.getpid())
            for worker in common.workers_of(os.getpid()):
                try:
                    held += resident_mb(worker)
                except (FileNotFoundError, ProcessLookupError):
                    continue
            for trial in peaks:
                if ended[0] <= trial:
                    peaks[trial] = max(peaks[trial], held)

    def listener(progress: Any) -> None:
        if progress.phase == "explore" and progress.state is not None:
            ended[0] = progress.ended

    threading.Thread(target=watch, daemon=True).start()
    started = time.perf_counter()
    settings = [
        "training.max_epochs=1",
        "training.batch_size=32",
        "search.finalists=1",
        "search.num_seeds=1",
        "search.sampler=random",
    ]
    with tempfile.TemporaryDirectory() as folder:
        mp.tune(build, data=(x, y), n_trials=trials, settings=settings, out=Path(folder) / "run", listener=listener)
    over.set()
    return {
        "case": keras.backend.backend(), "trials": trials, "early_mb": round(peaks[EARLY], 1),
        "late_mb": round(peaks[trials], 1), "ratio": round(peaks[trials] / peaks[EARLY], 3),
        "seconds": round(time.perf_counter() - started, 1),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backends", nargs="*", default=BACKENDS)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--one", action="store_true", help="in this process, on the backend of the environment")
    arguments = parser.parse_args()
    if arguments.one:
        print("ROW " + json.dumps(study(arguments.trials)))
        return
    rows = []
    for backend in arguments.backends:
        words = [sys.executable, __file__, "--one", "--trials", str(arguments.trials)]
        environment = {
            **os.environ,
            "KERAS_BACKEND": backend,
            "TF_CPP_MIN_LOG_LEVEL": "2",
            "OMP_WAIT_POLICY": "PASSIVE",
        }
        done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        (line,) = [line for line in done.stdout.splitlines() if line.startswith("ROW ")]
        rows.append(json.loads(line.removeprefix("ROW ")))
        common.keep("keras_memory", rows[-1:], "case")
    view = RichTable(title="Peak memory of a study of Keras models, MB")
    for column in ("backend", "trials", f"until trial {EARLY}", "until the last", "ratio", "seconds"):
        view.add_column(column, justify="left" if column == "backend" else "right")
    for row in rows:
        view.add_row(*(str(row[name]) for name in ("case", "trials", "early_mb", "late_mb", "ratio", "seconds")))
    Console(width=100).print(view)
    if any(row["ratio"] > MOST_GROWTH for row in rows):
        raise SystemExit(f"A study grows to more than {MOST_GROWTH} times what it held after trial {EARLY}.")


if __name__ == "__main__":
    main()
