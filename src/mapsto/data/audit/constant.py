"""Columns that say nothing."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd

from mapsto._messages import say
from mapsto.data.audit._subject import Subject, shown
from mapsto.data.audit.base import Check, Finding
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
    values = column.values
    if values.dtype.kind in "fiub":
        if len(values) > 1 and values[0] != values[1] and not (np.isnan(values[0]) or np.isnan(values[1])):
            return None
        missing = np.isnan(values)
    else:
        missing = np.asarray(pd.isna(values), dtype=bool)
    if missing.all():
        return say("No value in any row.")
    if missing.any():
        return None  # that a value is there may say something
    first = values[0]
    return say("The same value in every row: {value}.", value=shown(first)) if (values == first).all() else None
