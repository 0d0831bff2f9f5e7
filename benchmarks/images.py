"""Epochs over a folder of photographs: mapsto's cache beside torchvision's `ImageFolder` and `DataLoader`.

Both read the training photographs of clothing10 (3,068 JPEG files, longest side 160, ten folders), bring them to 64 by
64 and normalize them, in shuffled batches of 64 that are summed up so that every pixel is touched. mapsto's first epoch
is all that it does before its second: looking at the files, statistics, decoding, writing the cache, the first pass.
The DataLoader decodes with one worker a core, in every epoch. They run alternately in one process. Last, the default
network is trained from the cache in memory and from the memory-mapped file, which is what larger data take.

    make bench-images       or        python benchmarks/images.py [--repeats 3] [--epochs 3] [--workers 2]

Needs torchvision and the data (`MAPSTO_DATA`, by default ../shared/data).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
import zipfile
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from rich.console import Console
from rich.table import Table as RichTable

from mapsto import _environment
from mapsto.data.prepare import prepare
from mapsto.data.read import read
from mapsto.recipe.schema import DataOptions
from mapsto.recipe.space import Space
from mapsto.tasks.image_classification import ImageClassification
from mapsto.training import batches
from mapsto.training.batches import Tensors
from mapsto.training.loop import TorchTrainer

RESULTS = Path(__file__).parent / "results" / "images.json"
DATA = Path(os.environ.get("MAPSTO_DATA", "../shared/data")) / "clothing10" / "clothing10.zip"
SIZE, BATCH = 64, 64


def photographs(folder: Path) -> Path:
    """Unpacks the training part: a folder a class."""
    with zipfile.ZipFile(DATA) as archive:
        names = [name for name in archive.namelist() if "/train/" in f"/{name}" and name.endswith(".jpg")]
        archive.extractall(folder, names)
    return next(folder.rglob("train"))


class Cached:
    """mapsto: decoded once, then batches of tensors."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder, self.cache = folder, cache
        self.tensors: Tensors | None = None

    def epoch(self) -> float:
        if self.tensors is None:
            options = DataOptions(image_size=SIZE)
            table = read(self.folder, options=options)
            prepared = prepare(table, task=ImageClassification(), recipe_data=options, seed=0, folder=self.cache)
            self.tensors, spec = Tensors(prepared, "cpu"), prepared.specs["inputs"]
            self.rows = len(prepared.arrays["inputs"])
            self.shift, self.scale = (torch.tensor(values).view(-1, 1, 1) for values in (spec.shift, spec.scale))
        total = 0.0
        for rows in torch.randperm(self.rows).split(BATCH):
            images = self.tensors.take(rows)["inputs"]
            total += float(((images.float() - self.shift) * self.scale).sum())
        return total


class Loaded:
    """torchvision: decoded in every epoch, by worker processes."""

    def __init__(self, folder: Path, workers: int) -> None:
        from torchvision import datasets, transforms

        steps = [transforms.Resize((SIZE, SIZE)), transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.25] * 3)]
        images = datasets.ImageFolder(str(folder), transforms.Compose(steps))
        self.rows = len(images)
        self.loader = torch.utils.data.DataLoader(
            images, batch_size=BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0
        )

    def epoch(self) -> float:
        return sum(float(images.sum()) for images, _ in self.loader)


def over_the_map(folder: Path, cache: Path, epochs: int) -> list[float]:
    """Training epochs of the default network with the arrays in memory, over those with the arrays in the file."""
    space = Space.from_settings([f"data.image_size={SIZE}", f"training.batch_size={BATCH}", "training.patience=0"])
    recipe = space.recipe({}, {"task.name": "image_classification"})
    table = read(folder, options=recipe.data)
    prepared = prepare(table, task=recipe.task, recipe_data=recipe.data, seed=0, folder=cache)
    in_memory = Tensors(prepared, "cpu")
    batches.IN_MEMORY_BYTES = 0  # as if the arrays were too large for memory
    trainers = [TorchTrainer(recipe, prepared, tensors) for tensors in (in_memory, Tensors(prepared, "cpu"))]
    ratios = []
    for epoch in range(epochs + 1):
        seconds = [0.0, 0.0]
        for which in (0, 1) if epoch % 2 else (1, 0):
            started = time.perf_counter()
            list(trainers[which].advance(epoch + 1))
            seconds[which] = time.perf_counter() - started
        ratios.append(seconds[0] / seconds[1])
    return ratios[1:]  # the first epoch warms up


def timed(contender: Cached | Loaded) -> float:
    started = time.perf_counter()
    contender.epoch()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="fresh starts of both (default 3)")
    parser.add_argument("--epochs", type=int, default=3, help="later epochs of each start (default 3)")
    parser.add_argument("--train-epochs", type=int, default=5, help="epochs of training over the cache (default 5)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="of the DataLoader (default: cores)")
    arguments = parser.parse_args()
    if not DATA.exists():
        raise SystemExit(f"{DATA} is not there. Set MAPSTO_DATA to the folder that holds clothing10/clothing10.zip.")
    first: list[tuple[float, float]] = []
    later: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as place:
        folder = photographs(Path(place) / "photographs")
        for _ in folder.rglob("*.jpg"):
            _.read_bytes()  # both find the files in the page cache
        for repeat in range(arguments.repeats):
            cache = Path(place) / "cache"
            ours, theirs = Cached(folder, cache), Loaded(folder, arguments.workers)
            for epoch in range(arguments.epochs + 1):
                ours_first = bool((epoch + repeat) % 2)
                seconds = [timed(one) for one in ((ours, theirs) if ours_first else (theirs, ours))]
                (first if epoch == 0 else later).append((seconds[not ours_first], seconds[ours_first]))
            assert ours.rows == theirs.rows
            shutil.rmtree(cache)
        rows = ours.rows
        trained = over_the_map(folder, Path(place) / "trained", arguments.train_epochs)
    figures = {
        name: {
            "mapsto_images_per_second": rows / statistics.median(pair[0] for pair in pairs),
            "imagefolder_images_per_second": rows / statistics.median(pair[1] for pair in pairs),
            "times_as_fast": statistics.median(pair[1] / pair[0] for pair in pairs),
            "lowest": min(pair[1] / pair[0] for pair in pairs),
        }
        for name, pairs in (("first epoch", first), ("later epochs", later))
    }
    view = RichTable(title=f"{rows:,} photographs, {arguments.workers} loader workers, {os.cpu_count()} cores")
    for column in ("", "mapsto, images/s", "ImageFolder, images/s", "times as fast (median)", "lowest"):
        view.add_column(column, justify="right" if column else "left")
    for name, f in figures.items():
        counts = (f["mapsto_images_per_second"], f["imagefolder_images_per_second"])
        view.add_row(name, *(f"{n:,.0f}" for n in counts), f"{f['times_as_fast']:.2f}", f"{f['lowest']:.2f}")
    Console(width=110).print(view)
    speed = statistics.median(trained)
    low, high = min(trained), max(trained)
    print(f"Training from the file runs at {speed:.2f} of the speed from memory ({low:.2f} to {high:.2f}).")
    figures["training"] = {"speed_from_file": speed, "lowest": low, "highest": high}
    record = {"rows": rows, "workers": arguments.workers, "repeats": arguments.repeats, "figures": figures}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({**record, "machine": _environment.describe()}, indent=2) + "\n")


if __name__ == "__main__":
    main()
