"""One study, three ways: in this process, with two worker processes, and with Ray. All must be the same study.

The same recipes in the same order, and the same scores to the last bit, on pictures, a table and short texts; and what
each way takes. In each, a training has one thread, since sums over several threads end in other last bits.

    make bench-parity        or        python benchmarks/parity.py [--trials 12]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported: here, in the workers, and in Ray's

import common
import numpy as np
import torch
from rich.console import Console
from rich.table import Table as RichTable
from sklearn.datasets import load_breast_cancer

import mapsto

WAYS: dict[str, Mapping[str, Any]] = {
    "in this process": {"executor": "in_process", "workers": 1},
    "two processes": {"executor": "processes", "workers": 2},
    "Ray": {"executor": "ray", "workers": 2},
}


def texts() -> tuple[Any, Any]:
    """Short texts whose words tell their class, but not always."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 600)
    words = [[f"w{rng.integers(0, 40) + 25 * label}" for _ in range(12)] for label in labels]
    return np.array([" ".join(text) for text in words], dtype=object), labels.astype(str)


SETS: dict[str, tuple[Callable[[], Any], list[str]]] = {
    "digits, mlp": (lambda: "digits", ["model.name=mlp", "model.hidden_dim=int(16, 128, log=True)"]),
    "breast cancer, table": (lambda: load_breast_cancer(return_X_y=True), ["model.dropout=uniform(0, 0.5)"]),
    "short texts": (texts, ["model.dropout=uniform(0, 0.5)"]),
}


def study(name: str, way: str, trials: int, folder: Path) -> tuple[dict[str, Any], float]:
    """Recipes and scores of all trainings of a study, by their folders, and the seconds that it took."""
    source, settings = SETS[name]
    began = time.perf_counter()
    result = mapsto.tune(
        source(), settings=[*settings, "optimizer.learning_rate=log(1e-3, 1e-1)", "training.max_epochs=8"],
        n_trials=trials, out=folder, **WAYS[way],
    )  # fmt: skip
    seconds = time.perf_counter() - began
    found = {}
    for path in sorted(result.run.glob("trials/*/result.json")):
        outcome = json.loads(path.read_text())
        found[path.parent.name] = {key: value for key, value in outcome.items() if key != "seconds"}
    return found, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=12)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    ways = list(WAYS)
    if not all(map(importlib.util.find_spec, ("ray", "mapsto.search.executors.ray"))):
        print("Ray is left out: it is not installed (pip install 'mapsto[ray]').")
        ways.remove("Ray")
    rows, different = [], []
    for name in SETS:
        with tempfile.TemporaryDirectory() as folder:
            found = {way: study(name, way, arguments.trials, Path(folder) / str(i)) for i, way in enumerate(ways)}
        reference, _ = found[ways[0]]
        for way, (outcomes, seconds) in found.items():
            same = outcomes == reference
            rows.append({"case": f"{name}: {way}", "trainings": len(outcomes), "same": same, "seconds": seconds})
            print(rows[-1], flush=True)
            if not same:
                names = [n for n in outcomes.keys() | reference.keys() if outcomes.get(n) != reference.get(n)]
                different.append(f"{name}: {way}: {', '.join(sorted(names)[:8])}")
    view = RichTable(title=f"One study in {len(ways)} ways, {arguments.trials} trials")
    for column in ("study", "trainings", "the same recipes and scores", "seconds"):
        view.add_column(column, justify="left" if column == "study" else "right")
    for row in rows:
        view.add_row(row["case"], str(row["trainings"]), "yes" if row["same"] else "NO", f"{row['seconds']:.1f}")
    Console(width=120).print(view)
    common.keep("parity", rows, "case", trials=arguments.trials)
    raise SystemExit("; ".join(different) if different else 0)


if __name__ == "__main__":
    main()
