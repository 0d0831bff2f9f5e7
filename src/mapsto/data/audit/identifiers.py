"""Columns that name rows and cannot be learned from."""

from __future__ import annotations

from typing import ClassVar

import pandas as pd

from mapsto._messages import say
from mapsto.data.audit._subject import IDENTIFIER, Subject, different, is_worded, names_rows, shown
from mapsto.data.audit.base import Check, Finding
from mapsto.data.table import Column, Kind

_ROWS = 20


class Identifiers(Check):
    """Finds inputs with a different value in nearly every row: text that is no prose, and whole numbers that count
    rows or are called as identifiers are.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("numeric", "category", "text", "ignore")

    def run(self, subject: Subject) -> list[Finding]:
        found = []
        for column in self.within([*subject.numeric, *subject.worded] if len(subject) >= _ROWS else []):
            if not names_rows(column):
                continue
            sure = _is_sure(column)
            first = next(value for value in column.values if not pd.isna(value))
            message = say(
                "A different value in nearly every row, as identifiers have (the first is {first}).",
                first=shown(first),
            )
            action = say("The column is put aside." if sure else "Put it aside if it only names the rows.")
            more = {"column": column.name, "count": len(subject), "safe": sure}
            found.append(self.finding(subject, message, action, level="info", **more))
        return found


def _is_sure(column: Column) -> bool:
    """Whether nothing can be lost by putting it aside: no value comes twice, and it is text or called an identifier.
    Numbers that count rows may be what all depends on, as a time.
    """
    count, distinct = different(column.values)
    return distinct == count and (is_worded(column) or bool(IDENTIFIER.search(column.name)))
