"""Dates that stay text."""

from __future__ import annotations

from typing import ClassVar

from mapsto._messages import count, say
from mapsto.data import dates
from mapsto.data.audit._subject import Subject, listed, percent, shown
from mapsto.data.audit.base import Check, Finding
from mapsto.data.table import Kind

LEAST = 0.5
_ROWS = 20_000


class DatesInText(Check):
    """Finds columns of text that hold dates which reading could not take for such: day and month cannot be told apart,
    or too many values are something else. Columns that were read as dates are in order.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("category", "text", "ignore")

    def run(self, subject: Subject) -> list[Finding]:
        found = []
        among = subject.sample(_ROWS)
        for column in self.within(subject.worded):
            told = dates.read(column.values[among])
            if told is None or told.share < LEAST:
                continue
            first = shown(next(value for value in column.values if value is not None))
            if told.order in ("unknown", "mixed"):
                message = say(
                    "Dates kept as text, such as {first}; whether the day or the month comes first is not clear.",
                    first=first,
                )
                action = say("Write them as YYYY-MM-DD.")
            else:
                message = say(
                    "Dates kept as text, such as {first}: {share} of the values; {others}: {listed}{sample}.",
                    first=first,
                    share=percent(told.share, 1),
                    others=count(len(told.strange), "other value"),
                    listed=listed(told.strange, 3),
                    sample=subject.said(among),
                )
                action = say(
                    "Correct the others, or state the kind: `data.columns.{column}: date`.", column=column.name
                )
            facts = {"order": told.order, "share": told.share}
            found.append(self.finding(subject, message, action, column=column.name, count=len(subject), facts=facts))
        return found
