"""What each augmentation adds to a training step, on the CPU.

Steps are those of the default network of each kind of input: images 3×32×32 at batch 128, texts of 200 words at batch
32, tables of 30 numbers at batch 256, spectrograms of 64 bands × 100 frames at batch 32. Each augmentation runs at its
typical strength; figures are medians of the time that it takes for one batch, and their share of a step without it.

    make bench-augment        or        python benchmarks/augmentations.py [--repeats 30] [--threads 1]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from rich.console import Console
from rich.table import Table as RichTable

from mapsto import _environment
from mapsto.data.encoders.base import Spec
from mapsto.recipe.families import AUGMENTATIONS
from mapsto.recipe.schema import Recipe
from mapsto.recipe.sections import AUGMENT
from mapsto.testing.augmentations import LearnedEncoder
from mapsto.testing.models import sample_inputs
from mapsto.training.augmenter import Augmenter

RESULTS = Path(__file__).parent / "results" / "augmentations.json"

CASES = {
    "image": ("image_classification", 128, Spec("image", (3, 32, 32), "uint8", shift=(120.0,) * 3, scale=(0.02,) * 3)),
    "tokens": ("text_classification", 32, Spec("tokens", (200,), "int32", names=tuple(map(str, range(10_000))))),
    "features": ("tabular_classification", 256, Spec("features", (30,), "float32", names=tuple(map(str, range(30))))),
    "spectrogram": ("audio_classification", 32, Spec("spectrogram", (1, 64, 100), "float16")),
}


def median_ms(call: Callable[[], object], repeats: int) -> float:
    """Milliseconds of a call, the first one left out."""
    call()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds)


def measure(kind: str, repeats: int) -> list[dict[str, float | str]]:
    """A row for each augmentation of a kind of input."""
    name, batch_size, spec = CASES[kind]
    recipe = Recipe.from_leaves({"task.name": name})
    encoders = {
        "inputs": LearnedEncoder(spec),
        "targets": LearnedEncoder(Spec("classes", (), "int64", names=tuple("abcdefghij"))),
    }
    task = recipe.task.trained_by(recipe.loss, encoders["targets"].spec)
    batch = {"inputs": sample_inputs(spec, batch_size), "targets": torch.arange(batch_size) % 10}
    network = recipe.model.build(spec, 10)
    optimizer = recipe.optimizer.build(list(network.parameters()))

    def step() -> None:
        optimizer.zero_grad()
        task.loss(task.forward(network, batch), batch).backward()
        optimizer.step()

    plain = median_ms(step, repeats)
    rows: list[dict[str, float | str]] = []
    for name in AUGMENTATIONS.names():
        cls = AUGMENTATIONS.get(name)
        if kind not in cls.kinds or name == "synonyms":  # which needs a list of words
            continue
        members = [(cls(encoders["inputs"], AUGMENT()), cls.typical)]
        augmenter = Augmenter(members, probability=1.0, encoders=encoders, seed=0)
        added = median_ms(lambda made=augmenter: made(batch), repeats)  # type: ignore[misc]
        rows.append({"inputs": kind, "name": name, "step_ms": plain, "added_ms": added, "share": added / plain})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=30, help="measured batches of each (default 30)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="torch threads")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = [row for kind in CASES for row in measure(kind, arguments.repeats)]
    view = RichTable(title=f"What augmentations add to a step, {arguments.threads} thread(s)")
    for column in ("inputs", "augment.", "plain step, ms", "added, ms", "added, share"):
        view.add_column(column, justify="left" if column in ("inputs", "augment.") else "right")
    for row in rows:
        figures = f"{row['step_ms']:.2f}", f"{row['added_ms']:.2f}", f"{row['share']:.1%}"
        view.add_row(str(row["inputs"]), str(row["name"]), *figures)
    Console(width=100).print(view)
    RESULTS.parent.mkdir(exist_ok=True)
    record = {"threads": arguments.threads, "repeats": arguments.repeats, "machine": _environment.describe()}
    RESULTS.write_text(json.dumps({**record, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
