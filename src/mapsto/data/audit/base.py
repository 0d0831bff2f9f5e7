"""What every check has in common: what it looks at, and what it finds."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import to_json
from mapsto.data.audit._subject import Rows, Subject
from mapsto.data.table import Column, Kind, Part

MAX_EXAMPLES = 10
_NO_ROWS = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Finding:
    """One fault of the data.

    Attributes:
        check: name of the check that found it.
        message: what was found, with its figures, as a sentence.
        action: what would mend it, as a sentence.
        column: where, or None where it concerns whole rows.
        count: how many rows (or values) it concerns.
        rows: which rows of the table, ascending; empty where it concerns the column as a whole.
        parts: the given parts that it is about, where it is about parts.
        safe: whether `data.clean: auto` does it.
        level: `"warning"` for what the user should look at.
        examples: up to `MAX_EXAMPLES` of the rows, or values, in words.
        facts: figures for programs.
    """

    check: str
    message: str
    action: str
    column: str | None = None
    count: int = 0
    rows: Rows = field(default_factory=lambda: _NO_ROWS)
    parts: tuple[Part, ...] = ()
    safe: bool = False
    level: Literal["info", "warning"] = "warning"
    examples: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """All but the full list of rows, of which the first `MAX_EXAMPLES` stay; under `said` what the sentences were
        made from (see `mapsto._messages`).
        """
        values = {name: value for name, value in vars(self).items() if name != "rows"}
        values["said"] = {"message": to_json(self.message), "action": to_json(self.action)}
        lists = {"parts": list(self.parts), "examples": list(self.examples), "facts": dict(self.facts)}
        return values | lists | {"rows": self.rows[:MAX_EXAMPLES].tolist()}


class Check(ABC):
    """Looks for one kind of fault. One public class a file, named as the file is.

    A check never changes the table, gives the same findings for the same table, and looks at no more than it can in
    its time: it samples rows by `Subject.sample` and walks columns by `self.within`.

    Args:
        seconds: after which it stops.
    """

    kinds: ClassVar[tuple[Kind, ...]]
    """Kinds of columns that it looks at; a table without any is not shown to it."""

    def __init__(self, seconds: float = 5.0) -> None:
        self.deadline = time.perf_counter() + seconds
        self.unseen = 0
        """Columns that there was no time for."""

    @abstractmethod
    def run(self, subject: Subject) -> list[Finding]:
        """Looks at a table.

        Args:
            subject: the table, its target and its given parts.

        Returns:
            What was found, the gravest first; empty where all is well.
        """

    def within(self, columns: Iterable[Column]) -> Iterator[Column]:
        """The columns, for as long as there is time; the rest are counted as unseen."""
        for column in columns:
            if time.perf_counter() > self.deadline:
                self.unseen += 1
            else:
                yield column

    @property
    def is_late(self) -> bool:
        """Whether the time is over."""
        return time.perf_counter() > self.deadline

    def finding(self, subject: Subject, message: str, action: str, **more: Any) -> Finding:
        """A finding of this check: counts and examples are those of its rows unless given."""
        rows: NDArray[np.int64] = more.pop("rows", _NO_ROWS)
        column = more.get("column")
        if len(rows):
            more.setdefault("count", len(rows))
            more.setdefault("examples", tuple(subject.example(row, column) for row in rows[:MAX_EXAMPLES]))
        name = type(self).__module__.rpartition(".")[2]
        return Finding(name, message, action, rows=np.sort(rows), **more)
