"""Values that are not there."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd

from mapsto._messages import count, say
from mapsto.data.audit._subject import Subject, percent
from mapsto.data.audit.base import MAX_EXAMPLES, Check, Finding
from mapsto.data.table import Kind

MOSTLY = 0.4


class Missing(Check):
    """Counts missing values by column, the emptiest first."""

    kinds: ClassVar[tuple[Kind, ...]] = ("numeric", "category", "text", "image", "audio", "date", "ignore")

    def run(self, subject: Subject) -> list[Finding]:
        found = []
        for column in self.within(subject.table.columns.values()):
            if column.values.ndim > 1 or not len(column.values):
                continue
            rows = np.flatnonzero(np.asarray(pd.isna(column.values), dtype=bool))
            if not len(rows):
                continue
            share = len(rows) / len(subject)
            message = say(
                "{values} missing ({share}).",
                values=count(len(rows), "value"),
                share=percent(len(rows), len(subject)),
            )
            examples = tuple(str(subject.table.row_names[row]) for row in rows[:MAX_EXAMPLES])
            more = {"column": column.name, "rows": rows, "examples": examples, "facts": {"share": share}}
            if column.name == subject.table.target:
                found.append(self.finding(subject, message, say("Rows without a target are left out."), **more))
            elif share > MOSTLY:
                action = say(
                    "Say what stands in for them, or put the column aside: `data.columns.{column}: ignore`.",
                    column=column.name,
                )
                found.append(self.finding(subject, message, action, **more))
            else:
                action = say("They are filled in as `data.missing` says, from training rows.")
                found.append(self.finding(subject, message, action, level="info", **more))
        return sorted(found, key=lambda finding: -finding.count)
