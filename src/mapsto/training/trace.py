"""What a run recorded, one JSON object a line, only ever appended to."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mapsto import _files
from mapsto.training.base import Measurement

MAX_STEPS_A_LINE = 500
"""Of a longer epoch, every n-th step is written, so that a trace stays small."""


class Trace:
    """Appends to `trace.jsonl`; a line is written whole, and a torn last line is ignored by `read`.

    Args:
        path: the file; made when the first line comes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size if path.exists() else 0

    def steps(self, first: int, losses: list[float], rates: list[float]) -> None:
        """The losses and learning rates of an epoch's steps, `first` being the number of the first."""
        stride = max(1, -(-len(losses) // MAX_STEPS_A_LINE))
        self._append(
            {
                "kind": "steps",
                "first": first,
                "stride": stride,
                "loss": losses[::stride],
                "learning_rate": rates[::stride],
            }
        )

    def epoch(self, measurement: Measurement) -> None:
        """What is known after an epoch."""
        self._append({"kind": "epoch", **asdict(measurement)})

    def cut(self, size: int) -> None:
        """Forgets what was written after the file had that many bytes: a resumed run writes it again."""
        with _files.explained(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch()
            os.truncate(self.path, size)
        self.size = size

    def _append(self, record: dict[str, Any]) -> None:
        line = json.dumps(record).replace("NaN", "null").replace("-Infinity", "null").replace("Infinity", "null")
        content = (line + "\n").encode()
        with _files.explained(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.write(content)
        self.size += len(content)


def read(path: Path) -> list[dict[str, Any]]:
    """All whole lines of a trace, in order; an empty list if there is no file."""
    if not path.exists():
        return []
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:  # the line that was being written when the process was killed
            break
    return records
