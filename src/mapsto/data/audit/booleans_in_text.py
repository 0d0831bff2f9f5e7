"""Yes and no, said in several ways in one column."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd

from mapsto._messages import say
from mapsto.data.audit._subject import Subject, listed
from mapsto.data.audit.base import Check, Finding
from mapsto.data.audit.spellings import level_counts
from mapsto.data.table import Kind

PAIRS = (("yes", "y"), ("no", "n")), (("true", "t"), ("false", "f")), (("on",), ("off",)), (("1",), ("0",))
"""The words for yes and for no that go together; T beside F and N is a class of its own."""


class BooleansInText(Check):
    """Finds columns that say yes and no in more than two ways, such as `yes`, `Y` and `no`. What is suspected is
    not mended: whether `t` is short for `true`, the column cannot tell.
    """

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
            message = say(
                "Yes and no are said in more than two ways: {words} beside the usual ones.", words=listed(same)
            )
            action = say("If they mean the same, write them alike in the source.")
            facts = {"spellings": same}
            found.append(self.finding(subject, message, action, column=column.name, rows=rows, facts=facts))
        return found


def one_way(counts: dict[str, int]) -> dict[str, str]:
    """Each word for yes or no that is not the most frequent one, with the one that is; empty where two words do, or
    where the words are not all of one pair.
    """
    if not 2 < len(counts) <= 20:
        return {}
    folded = {level: level.casefold().strip() for level in counts}
    for pair in PAIRS:
        yes, no = ([level for level, word in folded.items() if word in words] for words in pair)
        if yes and no and len(yes) + len(no) == len(counts):
            return {level: group[0] for group in (yes, no) for level in group[1:]}
    return {}
