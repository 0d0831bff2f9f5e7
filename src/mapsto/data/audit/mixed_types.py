"""Numbers and words in one column."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import count, say
from mapsto.data.audit._subject import Subject, listed, percent
from mapsto.data.audit.base import Check, Finding
from mapsto.data.cells import to_numbers
from mapsto.data.table import Kind

_LEAST, _DISTINCT = 0.02, 20
_ROWS = 200_000


class MixedTypes(Check):
    """Finds columns that hold many different numbers beside words, and says again where reading found some."""

    kinds: ClassVar[tuple[Kind, ...]] = ("numeric", "category", "text", "ignore")

    def run(self, subject: Subject) -> list[Finding]:
        found = []
        for note in subject.table.notes:
            if note.check == "mixed_types":
                action = say("Correct these cells in the source, or read the column as words.")
                found.append(self.finding(subject, note.message, action, column=note.column, count=1))
        among = subject.sample(_ROWS)
        for column in self.within(subject.worded):
            values = column.values[among]
            present = values[~np.asarray(pd.isna(values), dtype=bool)]
            if not any(value[:1] in "0123456789+-." for value in present[:1000]):
                continue
            numbers, strange = to_numbers(values)
            good = np.isfinite(numbers)
            if good.sum() < _LEAST * len(present) or not strange or len(np.unique(numbers[good])) < _DISTINCT:
                continue
            few_words = len(present) - int(good.sum())
            minority = np.flatnonzero(good) if good.sum() <= few_words else _words(numbers, values)
            message = say(
                "{numbers} ({share}) beside {words} such as {listed}{sample}.",
                numbers=count(int(good.sum()), "number"),
                share=percent(good.sum(), len(present)),
                words=count(few_words, "word"),
                listed=listed(strange, 3),
                sample=subject.said(among),
            )
            action = say("Keep one type: two columns, or words for missing values left empty.")
            found.append(self.finding(subject, message, action, column=column.name, rows=among[minority]))
        return found


def _words(numbers: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    return np.flatnonzero(np.isnan(numbers) & ~np.asarray(pd.isna(values), dtype=bool))
