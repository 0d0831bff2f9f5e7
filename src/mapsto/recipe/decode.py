"""What was written to what is meant: texts to ranges and open leaves, where the setting allows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mapsto.errors import RecipeError
from mapsto.recipe.faults import Fault
from mapsto.recipe.leaves import exists, holders, is_name, unknown, value_fault
from mapsto.recipe.notation import Entry
from mapsto.recipe.ranges import parse
from mapsto.recipe.scalars import AUTO


@dataclass
class Decoded:
    """Settings by dotted name.

    Attributes:
        leaves: values and ranges.
        opened: settings that were written as `auto`.
        origins: where each was written.
        faults: names that do not exist and texts that cannot be read.
    """

    leaves: dict[str, Any] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)
    origins: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def decode(entries: Iterable[Entry], faults: Iterable[Fault] = ()) -> Decoded:
    """Reads each entry for the setting that it names.

    An unquoted `auto` or range is what it looks like. A quoted one is too, unless the setting takes any text (the
    name of a column may be `auto`, or `log(x)`).
    """
    found = Decoded(faults=list(faults))
    for entry in entries:
        if _is_cut_off(entry, found):
            continue
        if not exists(entry.leaf):
            found.faults.append(Fault(unknown(entry.leaf), entry.origin))
            continue
        found.origins[entry.leaf] = entry.origin
        if not _is_literal(entry) and entry.value == AUTO:
            found.opened.add(entry.leaf)
            continue
        try:
            range_ = None if _is_literal(entry) else parse(entry.value)
        except RecipeError as error:
            found.faults.append(Fault(f"`{entry.leaf}`: {_cut_short(entry.value) or error}", entry.origin))
            continue
        found.leaves[entry.leaf] = entry.value if range_ is None else range_
    return found


def _is_literal(entry: Entry) -> bool:
    """Whether the value stands for itself, whatever it looks like."""
    return not isinstance(entry.value, str) or (entry.quoted and _takes(entry.leaf, entry.value))


def _cut_short(text: str) -> str:
    """Says why a range has no end, where it has none: a comma within `{ }` begins the next setting."""
    if text.count("(") <= text.count(")"):
        return ""
    return (
        f"{text} has no closing bracket. Inside {{ }} or [ ] a range stands in quotes, as a comma ends a value there."
    )


def _is_cut_off(entry: Entry, found: Decoded) -> bool:
    """Whether the entry is the rest of a range whose beginning has been refused already."""
    return ")" in entry.leaf and "(" not in entry.leaf and entry.value is None and bool(found.faults)


def _takes(leaf: str, text: str) -> bool:
    """Whether some member takes the text itself as a value of the setting."""
    classes = [None] if is_name(leaf) else list(holders(leaf).values())
    return any(value_fault(leaf, text, cls) is None for cls in classes)
