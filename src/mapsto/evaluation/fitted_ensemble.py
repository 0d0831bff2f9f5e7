"""An ensemble of fitted networks: answers like one, lies in one folder."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mapsto import _files
from mapsto.errors import RunError
from mapsto.evaluation.ensembles import combined
from mapsto.training.fitted import Fitted

if TYPE_CHECKING:
    from mapsto.data.table import Table

MEMBERS = "ensemble.json"


class FittedEnsemble(Fitted):
    """Networks whose answers are averaged; each has its own preprocessing.

    Args:
        members: at least one, of the same task and target.
        weights: how much each counts, summing to 1.
    """

    def __init__(self, members: Sequence[Fitted], weights: Sequence[float]) -> None:
        first = members[0]
        self.members, self.weights = tuple(members), tuple(weights)
        self.recipe, self.preprocessing, self.task = first.recipe, first.preprocessing, first.task
        self.network, self.versions = first.network, first.versions

    def _predicted(self, table: Table, size: int) -> NDArray[Any]:
        return np.asarray(combined([member._predicted(table, size) for member in self.members], self.weights))

    def save(self, folder: Path, *, card: str = "") -> None:
        """Writes every member and the weights; what is there is replaced."""
        names = [f"member-{place + 1}" for place in range(len(self.members))]
        with _files.explained(folder):
            shutil.rmtree(folder, ignore_errors=True)
        for name, member in zip(names, self.members, strict=True):
            member.save(folder / name, card=card)
        _files.write_json(folder / MEMBERS, {"members": names, "weights": list(self.weights)})

    @classmethod
    def load(cls, folder: Path) -> FittedEnsemble:
        """Loads a saved ensemble; runs no code from the folder.

        Raises:
            RunError: the folder holds none, or a damaged one.
        """
        if not (folder / MEMBERS).exists():
            raise RunError(f"{folder} holds no ensemble. A study makes one where `search.ensemble` is above 0.")
        found = _files.read_json(folder / MEMBERS)
        names, weights = found["members"], [float(weight) for weight in found["weights"]]
        if not names or len(names) != len(weights) or any(Path(name).name != name for name in names):
            raise RunError(f"{folder / MEMBERS} is damaged. Restore it, or repeat the run in a new folder.")
        return cls([Fitted.load(folder / name) for name in names], weights)
