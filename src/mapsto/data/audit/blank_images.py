"""Images of one color."""

from __future__ import annotations

from typing import ClassVar

from mapsto._messages import count, say
from mapsto.data.audit._pictures import thumbnails
from mapsto.data.audit._subject import Subject
from mapsto.data.audit.base import Check, Finding
from mapsto.data.table import Kind

BLANK = 2.0
"""Deviation of the pixels, of 255; JPEG files of one color stay below."""


class BlankImages(Check):
    """Finds images whose pixels are (nearly) all the same."""

    kinds: ClassVar[tuple[Kind, ...]] = ("image",)

    def run(self, subject: Subject) -> list[Finding]:
        found = []
        for column in self.within(subject.columns("image")):
            small = thumbnails(subject, column)
            if not len(small.spread) or small.spread.max() < 10 * BLANK:
                continue  # all are faint; numbers of another range, perhaps
            rows = small.rows[(small.spread < BLANK) & small.whole]
            if len(rows):
                message = say(
                    "{images} of one color{sample}.",
                    images=count(len(rows), "image"),
                    sample=subject.said(small.rows),
                )
                found.append(self.finding(subject, message, say("Remove them."), column=column.name, rows=rows))
        return found
