"""The prepared data of a study: each data setting is prepared once and shared by all trials."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from mapsto.data.prepare import Prepared, load_prepared, prepare
from mapsto.training.batches import IN_MEMORY_BYTES, Tensors

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import Recipe
    from mapsto.search.run import Run


class DataStore:
    """Prepared data by the recipe's `data` section: each fold has its own, and not all folds are held at a time.

    Args:
        run: where they lie.
        read: reads the source; called only when something has to be prepared.
        device: where tensors go.
    """

    def __init__(self, run: Run, read: Callable[[], Table], device: str) -> None:
        self._run, self._read, self._device = run, read, device
        self._ready: dict[str, tuple[Prepared, Tensors]] = {}  # the last used last

    def get(self, recipe: Recipe) -> tuple[Prepared, Tensors]:
        """The data as this recipe wants them, prepared if they are not yet."""
        settings = {"data": recipe.data.model_dump(), "task": recipe.task.name, "seed": recipe.seed}
        key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
        found = self._ready.pop(key, None)
        if found is None:
            prepared = self._prepared(key, recipe)
            self._let_go(_size(prepared))
            found = (prepared, Tensors(prepared, self._device))
        self._ready[key] = found
        return found

    def _let_go(self, needed: int) -> None:
        """Drops what was not used for longest, as far as all would not fit beside what is needed now."""
        held = sum(_size(prepared) for prepared, _ in self._ready.values())
        for key in list(self._ready):
            if held + needed <= IN_MEMORY_BYTES:
                break
            held -= _size(self._ready.pop(key)[0])

    def _prepared(self, key: str, recipe: Recipe) -> Prepared:
        folder = self._run.path / "data"
        known: dict[str, str] = self._run.state.get("data", {})
        if key in known and (folder / known[key]).is_dir():
            return load_prepared(folder / known[key])  # the source may be gone by now
        prepared = prepare(self._read(), task=recipe.task, recipe_data=recipe.data, seed=recipe.seed, folder=folder)
        self._run.save_state(data={**known, key: prepared.folder.name})
        return prepared


def _size(prepared: Prepared) -> int:
    return sum(array.nbytes for array in prepared.arrays.values())
