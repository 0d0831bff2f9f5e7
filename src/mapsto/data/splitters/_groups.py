"""What splitters by group share: which rows belong together, and that groups stay whole."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd

from mapsto._messages import listing, say
from mapsto.data.encoders._columns import counted, opening, shortened, texts
from mapsto.data.splitters.base import Rows, Splitter
from mapsto.data.table import PART_NAMES, Note, Table
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions


class Grouped(Splitter):
    """Rows with the same value in `data.group_column` go the same way; a row without a value is a group of its own."""

    needs: ClassVar[tuple[str, ...]] = ("group_column",)

    def __init__(self, table: Table, strata: Rows | None, options: DataOptions, bits: np.random.BitGenerator) -> None:
        super().__init__(table, strata, options, bits)
        names = texts(table, str(options.group_column))
        # Sorted, so that a group's number depends on the values alone.
        self.groups = pd.factorize(names, sort=True)[0].astype(np.int64)
        self._alone = self.groups < 0
        self.groups[self._alone] = self.groups.max(initial=-1) + 1 + np.arange(self._alone.sum())

    def check(self, groups: Rows, least: int, purpose: str) -> None:
        """Refuses fewer groups than are needed."""
        if len(groups) < least:
            raise DataError(
                f'"{self.options.group_column}" (`data.group_column`) has {counted(len(groups), "group")} in the rows '
                f"of {self.table.name} that are to be divided, and a group is never divided; at least {least} are "
                f"needed {purpose}. Add groups, or choose another column."
            )

    def notes(self, parts: dict[str, Rows]) -> list[Note]:
        name = self.options.group_column
        found = {part: np.unique(self.groups[rows]) for part, rows in parts.items()}
        counts = listing(
            say("{part} {number:,}", part=PART_NAMES[part], number=len(groups)) for part, groups in found.items()
        )
        message = say('Rows of the same "{name}" are in the same part; groups: {counts}.', name=name, counts=counts)
        notes = [Note("info", message, name)]
        if self._alone.any():
            message = say(
                '{rows} without a value of "{name}" taken as groups of one.',
                rows=opening(int(self._alone.sum()), "row"),
                name=name,
            )
            notes.append(Note("warning", message, name))
        shared = {*_both(found, "train", "test"), *_both(found, "validation", "test")}
        shared |= set(_both(found, "train", "validation"))
        if shared:  # only parts that the source gives can share a group
            first = np.unique(self.groups, return_index=True)[1][sorted(shared)]
            listed = shortened([str(value) for value in texts(self.table, str(name))[first]])
            message = say(
                '{groups} of "{name}" in more than one of the parts that are given ({listed}): scores may look better '
                "than they are.",
                groups=opening(len(shared), "group"),
                name=name,
                listed=listed,
            )
            notes.append(Note("warning", message, name))
        return notes


def _both(found: dict[str, Rows], one: str, other: str) -> list[int]:
    return [int(group) for group in np.intersect1d(found[one], found[other])]
