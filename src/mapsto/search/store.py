"""The prepared data of a study: each data setting is prepared once and shared by all trials."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mapsto.data.prepare import Prepared, load_prepared, prepare
from mapsto.search.progress import Listener, Progress
from mapsto.training.batches import IN_MEMORY_BYTES, Tensors

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import Recipe
    from mapsto.search.run import Run


TELL_SECONDS = 2.0
"""What takes less than this is not spoken of."""


class Loaded:
    """Prepared data as tensors, by their folder; not all that were asked for are held at a time.

    Several threads may ask: jobs are made on another one than they are trained on.

    Args:
        device: where tensors go.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._ready: dict[Path, tuple[Prepared, Tensors]] = {}  # the last used last
        self._lock = threading.Lock()

    def get(self, folder: Path) -> tuple[Prepared, Tensors]:
        """The data that lie in a folder."""
        with self._lock:
            found = self._ready.pop(folder, None)
            if found is None:
                prepared = load_prepared(folder)
                self._let_go(_size(prepared))
                found = (prepared, Tensors(prepared, self._device))
            self._ready[folder] = found
            return found

    def _let_go(self, needed: int) -> None:
        """Drops what was not used for longest, as far as all would not fit beside what is needed now."""
        held = sum(_size(prepared) for prepared, _ in self._ready.values())
        for folder in list(self._ready):
            if held + needed <= IN_MEMORY_BYTES:
                break
            held -= _size(self._ready.pop(folder)[0])


class DataStore:
    """Prepared data by the recipe's `data` section: each fold has its own.

    Args:
        run: where they lie.
        read: reads the source; called only when something has to be prepared.
        device: where tensors go.
        listener: told now and then how far the preparing of many rows is.
    """

    def __init__(self, run: Run, read: Callable[[], Table], device: str, listener: Listener) -> None:
        self._run, self._read, self.device, self._listener = run, read, device, listener
        self._told = time.monotonic()
        self._lock = threading.Lock()
        self.loaded = Loaded(device)

    def get(self, recipe: Recipe) -> tuple[Prepared, Tensors]:
        """The data as this recipe wants them, prepared if they are not yet."""
        return self.loaded.get(self.folder(recipe))

    def folder(self, recipe: Recipe) -> Path:
        """Where the data lie as this recipe wants them, prepared if they are not yet."""
        settings = {"data": recipe.data.model_dump(), "task": recipe.task.name, "seed": recipe.seed}
        key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
        with self._lock:
            return self._prepared(recipe, key)

    def _prepared(self, recipe: Recipe, key: str) -> Path:
        folder = self._run.path / "data"
        known: dict[str, str] = self._run.state.get("data", {})
        if key in known and (folder / known[key]).is_dir():
            return folder / known[key]  # the source may be gone by now
        prepared = prepare(
            self._read(),
            task=recipe.task,
            recipe_data=recipe.data,
            seed=recipe.seed,
            folder=folder,
            on_progress=self._tell,
        )
        self._run.save_state(data={**known, key: prepared.folder.name})
        return prepared.folder

    def _tell(self, done: int, total: int) -> None:
        if time.monotonic() - self._told >= TELL_SECONDS:
            self._told = time.monotonic()
            message = f"preparing the data: {done:,} of {total:,} rows"
            self._listener(Progress(phase="prepare", run=str(self._run.path), message=message))


def _size(prepared: Prepared) -> int:
    return sum(array.nbytes for array in prepared.arrays.values())
