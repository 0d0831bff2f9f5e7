"""A process of its own that trains a few steps at growing batch sizes, and says what each needs.

Running out of memory ends this process, not the one that asked.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mapsto._imports import torch

if TYPE_CHECKING:
    from mapsto.recipe.schema import Recipe

logger = logging.getLogger("mapsto")

STEPS = 3
"""Measured at each size, after one that is not."""

SECONDS = 20.0
"""After so long, no larger size is tried."""


@dataclass(frozen=True)
class BatchCost:
    """What one step of training needs.

    Attributes:
        size: rows of the batch.
        seconds: of a step, the median.
        memory: bytes that the process had at most; on a GPU, bytes of it.
    """

    size: int
    seconds: float
    memory: int

    @property
    def rows_per_second(self) -> float:
        return self.size / self.seconds


def probe(recipe: Recipe, folder: Path, sizes: list[int], device: str, limit: int) -> list[BatchCost]:
    """Trains at each size in a process of its own, until one would need more memory than the limit.

    Args:
        recipe: with every setting filled in.
        folder: of the prepared data.
        sizes: ascending.
        device: torch's name of it.
        limit: bytes; a size that is foreseen to need more, from those before it, is not tried.

    Returns:
        The sizes that could be trained; fewer than asked for where memory or time ran out.
    """
    asked = {
        "leaves": recipe.leaves(),
        "folder": str(folder),
        "sizes": sizes,
        "device": device,
        "limit": limit,
        "threads": torch.get_num_threads(),
    }
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    with subprocess.Popen(
        [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=environment,
    ) as process:  # fmt: skip
        try:
            answer, said = process.communicate(json.dumps(asked))
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        logger.debug("the process that tried batch sizes ended with %s: %s", process.returncode, said)
    return [BatchCost(**json.loads(line)) for line in answer.splitlines() if line.startswith("{")]


def free_memory(device: str) -> int:
    """Bytes that a process may still take, on the device where the training is."""
    if device != "cpu":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free)
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
        free = int(lines["MemAvailable"].split()[0]) * 1024
    group = Path("/sys/fs/cgroup/memory.max")
    if group.exists() and (most := group.read_text().strip()) != "max":
        used = int((group.parent / "memory.current").read_text())
        free = min(free, int(most) - used)
    return max(0, free)


def _measured(recipe: Recipe, folder: Path, sizes: list[int], device: str, limit: int) -> Iterator[BatchCost]:
    from mapsto.data.prepare import load_prepared
    from mapsto.training.batches import Tensors
    from mapsto.training.finders.trial import Trial

    prepared = load_prepared(folder)
    tensors = Tensors(prepared, device)
    started = time.perf_counter()
    known: list[BatchCost] = []
    for size in sizes:
        if time.perf_counter() - started > SECONDS or _foreseen(known, size) > limit:
            return
        trainer = Trial(recipe.replace({"training.batch_size": size}), prepared, tensors)
        times = []
        for _ in range(1 + STEPS):
            began = time.perf_counter()
            trainer.train_steps([recipe.optimizer.learning_rate])
            times.append(time.perf_counter() - began)
        trainer.close()
        known.append(BatchCost(size, statistics.median(times[1:]), _peak(device)))
        yield known[-1]


def _foreseen(known: list[BatchCost], size: int) -> float:
    """The memory of the next size, in a line through the last two."""
    if len(known) < 2:
        return 0.0
    first, last = known[-2:]
    return last.memory + (last.memory - first.memory) / (last.size - first.size) * (size - last.size)


def _peak(device: str) -> int:
    if device != "cpu":
        return int(torch.cuda.max_memory_allocated(device))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _main() -> None:
    from mapsto.recipe.schema import Recipe

    asked = json.loads(sys.stdin.read())
    torch.set_num_threads(asked["threads"])
    recipe = Recipe.from_leaves(asked["leaves"])
    for cost in _measured(recipe, Path(asked["folder"]), asked["sizes"], asked["device"], asked["limit"]):
        sys.stdout.write(json.dumps(asdict(cost)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main()
