"""Yes and no, said in several ways in one column."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd

from mapsto.data.audit._subject import Subject, listed
from mapsto.data.audit.base import Check, Finding
from mapsto.data.audit.spellings import level_counts
from mapsto.data.table import Kind

YES = frozenset({"yes", "y", "true", "t", "1", "on"})
NO = frozenset({"no", "n", "false", "f", "0", "off"})


class BooleansInText(Check):
    """Finds columns that say yes and no in more than two ways, such as `yes`, `Y` and `true`."""

    kinds: ClassVar[tuple[Kind, ...]] = ("category",)

    def run(self, subject: Subject) -> list[Finding]:
        found = []
        for column in self.within(subject.columns("category", with_target=True)):
            if column.values.dtype != object:
                continue
            same = one_way(level_counts(column.values))
            if not same:
                continue
            rows = np.flatnonzero(pd.Series(column.values, dtype=object).isin(list(same)).to_numpy())
            message = f"Yes and no are said in more than two ways: {listed(same)} beside the usual ones."
            action = "They are read as the most frequent word for each."
            facts = {"spellings": same}
            found.append(self.finding(subject, message, action, column=column.name, rows=rows, safe=True, facts=facts))
        return found


def one_way(counts: dict[str, int]) -> dict[str, str]:
    """Each word for yes or no that is not the most frequent one, with the one that is; empty where two words do."""
    folded = {level: level.casefold().strip() for level in list(counts)[:20]}
    if len(counts) > len(folded) or not len(counts) > 2:
        return {}
    yes = [level for level, word in folded.items() if word in YES]
    no = [level for level, word in folded.items() if word in NO]
    if len(yes) + len(no) < len(counts) or not yes or not no:
        return {}
    return {level: group[0] for group in (yes, no) for level in group[1:]}
