"""Columns that say nothing."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd

from mapsto._messages import say
from mapsto.data.audit._subject import Subject, shown
from mapsto.data.audit.base import Check, Finding
from mapsto.data.stored import in_pieces
from mapsto.data.table import Column, Kind


class Constant(Check):
    """Finds inputs that are empty, or have the same value in every row."""

    kinds: ClassVar[tuple[Kind, ...]] = ("numeric", "category", "text", "ignore")

    def run(self, subject: Subject) -> list[Finding]:
        found = []
        for column in self.within(subject.columns("numeric", "category", "text", "ignore")):
            said = _constant(column) if column.values.ndim == 1 and len(column.values) else None
            if said is not None:
                action = say("The column is put aside.")
                found.append(
                    self.finding(subject, said, action, column=column.name, count=len(subject), safe=True, level="info")
                )
        return found


def _constant(column: Column) -> str | None:
    first, is_gapped, has_value = column.values[0], False, False
    for part in in_pieces(column.values):
        missing = np.isnan(part) if part.dtype.kind in "fiub" else np.asarray(pd.isna(part), dtype=bool)
        is_gapped = is_gapped or bool(missing.any())
        has_value = has_value or not missing.all()
        if has_value and (is_gapped or not (part == first).all()):
            return None  # where a value is missing, that one is there may say something
    if not has_value:
        return say("No value in any row.")
    return say("The same value in every row: {value}.", value=shown(first))
