"""The door of the audit: every check, in order, within a time."""

from __future__ import annotations

import time
from collections.abc import Mapping

from mapsto._messages import count, listing, say
from mapsto.data.audit._subject import Rows, Subject, listed
from mapsto.data.audit.base import Check, Finding
from mapsto.data.table import Part, Table
from mapsto.recipe.families import CHECKS

SECONDS = 20.0
ORDER = (
    "leaks", "duplicates", "spellings", "booleans_in_text", "dates_in_text", "constant", "identifiers", "missing",
    "mixed_types", "corrupt_images", "broken_recordings", "silent_recordings", "encodings", "imbalance", "outliers",
    "drift", "blank_images", "image_sizes", "rotated_images", "near_duplicates", "scripts", "label_errors",
)  # fmt: skip
"""What is gravest or quickest first; checks that are not named here come last."""


def audit(
    table: Table,
    *,
    parts: Mapping[Part, Rows] | None = None,
    seconds: float = SECONDS,
    only: tuple[str, ...] | None = None,
) -> list[Finding]:
    """Looks for what is wrong with data.

    Example:
        >>> from mapsto.data.read import read
        >>> from mapsto.recipe.schema import DataOptions
        >>> levels = ["dark red", "dark  red", "blue", "blue", "dark red", "dark red"] * 10
        >>> table = read({"color": levels, "y": [0.5, 1.5, 2.0] * 20}, options=DataOptions(target="y"))
        >>> [(found.check, found.column, found.count) for found in audit(table, only=("spellings",))]
        [('spellings', 'color', 10)]

    Args:
        table: as it was read, before cleaning.
        parts: rows of each part, ascending; None takes those that the source gives.
        seconds: for all checks together; what there was no time for is said in a finding of its own.
        only: names of checks; None runs all.

    Returns:
        What was found, warnings first.
    """
    deadline = time.perf_counter() + seconds
    subject = Subject(table, parts, deadline)
    kinds = {column.kind for column in table.columns.values()}
    found: list[Finding] = []
    late: list[str] = []
    unseen = 0
    for name in _names(only):
        left = deadline - time.perf_counter()
        if left <= 0:
            late.append(name)
            continue
        check: Check = CHECKS.get(name)(seconds=max(left / 2, 0.1))
        if len(table) and kinds & set(check.kinds):
            found += check.run(subject)
            unseen = max(unseen, check.unseen)
    if late or unseen:
        found.append(_unfinished(seconds, late, unseen))
    return sorted(found, key=lambda finding: finding.level != "warning")


def _names(only: tuple[str, ...] | None) -> list[str]:
    for name in only or ():
        CHECKS.check(name)
    known = CHECKS.names()
    ordered = [name for name in ORDER if name in known] + [name for name in known if name not in ORDER]
    return [name for name in ordered if only is None or name in only]


def _unfinished(seconds: float, late: list[str], unseen: int) -> Finding:
    said = [say("not run: {checks}", checks=listed(late, 20))] if late else []
    said += [say("a check had no time for {columns}", columns=count(unseen, "column"))] if unseen else []
    message = say("Not all was looked at in {seconds:g} s; {what}.", seconds=seconds, what=listing(said, "; "))
    return Finding("time", message, say("Run `mapsto audit` with more time."), count=len(late) + unseen, level="info")
