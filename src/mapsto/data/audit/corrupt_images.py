"""Image files that cannot be read."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mapsto._messages import count, say
from mapsto.data.audit._pictures import thumbnails
from mapsto.data.audit._subject import Subject
from mapsto.data.audit.base import MAX_EXAMPLES, Check, Finding
from mapsto.data.table import Kind


class CorruptImages(Check):
    """Finds files that reading left out as broken, and those whose header is whole but whose pixels are not."""

    kinds: ClassVar[tuple[Kind, ...]] = ("image",)

    def run(self, subject: Subject) -> list[Finding]:
        found = []
        action = say("They are left out. Replace or remove the files.")
        for note in subject.table.notes:
            if note.check == "corrupt_images":
                number = len(note.details)
                message = say("{files} cannot be read.", files=count(number, "file"))
                found.append(
                    self.finding(
                        subject,
                        message,
                        action,
                        column=note.column,
                        count=number,
                        safe=True,
                        examples=note.details[:MAX_EXAMPLES],
                        facts={"files": list(note.details)},
                    )
                )
        for column in self.within(subject.columns("image")):
            small = thumbnails(subject, column)
            if small.broken:
                rows = np.array(sorted(small.broken), dtype=np.int64)
                message = say(
                    "{images} cannot be decoded{sample}.",
                    images=count(len(rows), "image"),
                    sample=subject.said(small.rows),
                )
                causes = [small.broken[int(row)] for row in rows]
                found.append(
                    self.finding(
                        subject,
                        message,
                        action,
                        column=column.name,
                        rows=rows,
                        safe=True,
                        examples=tuple(causes[:MAX_EXAMPLES]),
                        facts={"files": causes},
                    )
                )
        return found
