"""Images that are stored turned."""

from __future__ import annotations

from typing import ClassVar

from mapsto._messages import count, say
from mapsto.data.audit._pictures import thumbnails
from mapsto.data.audit._subject import Subject
from mapsto.data.audit.base import Check, Finding
from mapsto.data.table import Kind


class RotatedImages(Check):
    """Finds files whose Exif data say that the pixels must be turned or mirrored to be seen upright."""

    kinds: ClassVar[tuple[Kind, ...]] = ("image",)

    def run(self, subject: Subject) -> list[Finding]:
        found = []
        for column in self.within(subject.columns("image")):
            small = thumbnails(subject, column)
            rows = small.rows[(small.turned > 1) & small.whole]
            if len(rows):
                message = say(
                    "{images} stored turned or mirrored by Exif{sample}.",
                    images=count(len(rows), "image"),
                    sample=subject.said(small.rows),
                )
                action = say("They are turned upright when they are read; other programs may not do so.")
                found.append(
                    self.finding(subject, message, action, column=column.name, rows=rows, safe=True, level="info")
                )
        return found
