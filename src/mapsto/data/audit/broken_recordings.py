"""Recordings that cannot be read."""

from __future__ import annotations

from typing import ClassVar

from mapsto._messages import count, say
from mapsto.data.audit._subject import Subject
from mapsto.data.audit.base import MAX_EXAMPLES, Check, Finding
from mapsto.data.table import Kind


class BrokenRecordings(Check):
    """Finds recordings that reading left out as broken."""

    kinds: ClassVar[tuple[Kind, ...]] = ("audio",)

    def run(self, subject: Subject) -> list[Finding]:
        found = []
        for note in subject.table.notes:
            if note.check == "broken_recordings":
                files = list(note.details)
                more = {"column": note.column, "count": len(files), "safe": True, "facts": {"files": files}}
                message = say("{files} cannot be read.", files=count(len(files), "recording"))
                action = say("They are left out. Replace or remove the files.")
                examples = note.details[:MAX_EXAMPLES]
                found.append(self.finding(subject, message, action, examples=examples, **more))
        return found
