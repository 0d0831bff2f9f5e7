"""Checkpoints keep to a share of the disk, and the best trials keep theirs."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from mapsto.recipe.sizes import parse_size
from mapsto.search.training_run import checkpoint_path, drop_checkpoint

if TYPE_CHECKING:
    from mapsto.search.outcome import Outcome
    from mapsto.search.run import Run


class Checkpoints:
    """Knows which explored trials have a checkpoint, and drops those that are least worth their space.

    Args:
        run: in whose folder they lie.
        disk: what they may take in all, as `"20GB"`.
    """

    def __init__(self, run: Run, disk: str) -> None:
        self._run, self._limit = run, parse_size(disk)
        self._sizes: dict[int, int] = {}
        for path in (run.path / "trials").glob("[0-9]*/checkpoint/state.safetensors"):
            name = path.parent.parent.name
            if name.isdecimal():
                self._sizes[int(name)] = path.stat().st_size

    def add(self, number: int) -> None:
        """A trial is over and may have left one."""
        path = checkpoint_path(self._run.trial(f"{number:04d}"))
        if path.exists():
            self._sizes[number] = path.stat().st_size

    def keep(self, best: Collection[int], worth: Collection[Outcome]) -> None:
        """Drops all but those of the best, and of others that may go on as far as there is space.

        Args:
            best: trials whose checkpoint stays anyhow.
            worth: others that may still go on; the later ones are dropped last.
        """
        left = self._limit - sum(size for number, size in self._sizes.items() if number in best)
        kept = set(best)
        for outcome in sorted(worth, key=lambda outcome: -outcome.number):
            left -= self._sizes.get(outcome.number, 0)
            if left < 0:
                break
            kept.add(outcome.number)
        for number in [number for number in self._sizes if number not in kept]:
            drop_checkpoint(self._run.trial(f"{number:04d}"))
            del self._sizes[number]
