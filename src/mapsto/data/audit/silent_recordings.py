"""Recordings in which nothing is heard."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mapsto._messages import count, say
from mapsto.data.audio import AudioFile
from mapsto.data.audit._subject import Subject, percent
from mapsto.data.audit.base import Check, Finding
from mapsto.data.table import Kind


class SilentRecordings(Check):
    """Finds recordings whose samples are all the same; reading has looked at every one."""

    kinds: ClassVar[tuple[Kind, ...]] = ("audio",)

    def run(self, subject: Subject) -> list[Finding]:
        found = []
        for column in self.within(subject.columns("audio")):
            silent = [isinstance(value, AudioFile) and value.silent for value in column.values]
            rows = np.flatnonzero(silent).astype(np.int64)
            if len(rows):
                message = say(
                    "{recordings} ({share}) without any sound.",
                    recordings=count(len(rows), "recording"),
                    share=percent(len(rows), len(silent)),
                )
                action = say("Remove them unless silence is what a class is about.")
                found.append(self.finding(subject, message, action, column=column.name, rows=rows))
        return found
