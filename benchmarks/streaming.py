"""How much memory reading and preparing takes where the data are ten times larger than `data.memory`.

A CSV file of numbers, levels and text is written, then read and prepared, and one epoch's batches are drawn, in a
process of its own whose memory is looked at fifty times a second. Reported is the peak of its own memory (RssAnon) over
what it had before reading; pages of mapped files, which the system takes back when it needs them, are not in it.

    make bench-streaming        or        python benchmarks/streaming.py [--memory 100MB] [--times 10]
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

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

RESULTS = Path(__file__).parent / "results" / "streaming.json"
NUMBERS = 60


def write(path: Path, size: int) -> int:
    """A CSV file, or a Parquet file, of about so many bytes; returns its rows."""
    rng = np.random.default_rng(0)
    words = np.array([f"word{place}" for place in range(1000)])
    rows = 0
    with path.open("w") as file:
        while file.tell() < size:
            count = 10_000
            frame = pd.DataFrame(rng.normal(size=(count, NUMBERS)).round(4)).add_prefix("number ")
            frame["town"] = rng.choice(["Ulm", "Kyoto", "Lima"], count)
            frame["code"] = [f"{code:04d}" for code in rng.integers(0, 200, count)]
            frame["story"] = [" ".join(story) for story in rng.choice(words, (count, 8))]
            frame["target"] = rng.choice(["no", "yes"], count)
            frame.to_csv(file, index=False, header=rows == 0)
            rows += count
    return rows


def measured(path: Path, memory: str) -> dict[str, float]:
    """Reads, prepares and draws batches; runs in a process of its own."""
    import torch

    from mapsto.data.prepare import prepare
    from mapsto.data.read import read
    from mapsto.recipe.schema import DataOptions, Recipe
    from mapsto.training.batches import Tensors

    recipe = Recipe.from_leaves({"task.name": "tabular_classification", "data.memory": memory})
    read({"a": range(40), "target": [0, 1] * 20}, options=DataOptions())  # what is imported on the way
    peaks, done = [0], threading.Event()

    def own() -> int:
        status = Path("/proc/self/status").read_text()
        return int(status.split("RssAnon:")[1].split()[0]) * 1024

    def watch() -> None:
        while not done.wait(0.02):
            peaks[0] = max(peaks[0], own())

    before, found, start = own(), {}, time.perf_counter()
    threading.Thread(target=watch, daemon=True).start()

    def stage(name: str) -> None:
        nonlocal start
        found[f"{name}_seconds"] = round(time.perf_counter() - start, 1)
        found[f"{name}_peak_mb"] = round((peaks[0] - before) / 2**20, 1)
        peaks[0], start = 0, time.perf_counter()

    table = read(path, options=recipe.data)
    stage("read")
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare(table, task=recipe.task, recipe_data=recipe.data, seed=0, folder=Path(folder))
        stage("prepare")
        tensors = Tensors(prepared, "cpu")
        rows = torch.from_numpy(prepared.parts["train"])[torch.randperm(len(prepared.parts["train"]))]
        for batch in rows.split(1024):
            tensors.take(batch)
        stage("epoch")
    done.set()
    return {"rows": len(table), **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", default="100MB")
    parser.add_argument("--times", type=float, nargs="*", default=[1, 10])
    parser.add_argument("--file", type=Path)
    arguments = parser.parse_args()
    if arguments.file:
        print(json.dumps(measured(arguments.file, arguments.memory)))
        return
    from mapsto import _environment
    from mapsto.recipe.sizes import parse_size

    results = {"machine": _environment.describe(), "memory": arguments.memory, "runs": []}
    for times in arguments.times:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "data.csv"
            write(path, int(parse_size(arguments.memory) * times))
            command = [sys.executable, __file__, "--file", str(path), "--memory", arguments.memory]
            out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            results["runs"].append({"times": times, "file_mb": round(path.stat().st_size / 2**20), **json.loads(out)})
            print(results["runs"][-1], flush=True)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
