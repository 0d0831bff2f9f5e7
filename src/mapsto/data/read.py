"""The door of the room: whatever holds data, read into a table."""

from __future__ import annotations

import difflib
from itertools import islice
from pathlib import Path
from typing import Any

from mapsto.data.sources.base import NamedSet, Source
from mapsto.data.split import check, set_aside
from mapsto.data.stored import has_value
from mapsto.data.table import Table
from mapsto.errors import DataError
from mapsto.recipe.families import SOURCES
from mapsto.recipe.schema import DataOptions

MIN_ROWS = 3
"""One row to learn from, one to choose by, one to test with."""

_BY_NAME = ("named", "webdataset")  # sources that text may mean without being a path
_LONGEST_SHOWN = 300
_MAX_COMPARED = 10_000


def read(source: Any, *, options: DataOptions, target_needed: bool = True) -> Table:
    """Reads data into a table of typed columns, and says in its notes what was noticed.

    Example:
        >>> from mapsto.recipe.schema import DataOptions
        >>> table = read({"age": [31, 25, 47], "paid": ["no", "yes", "no"]}, options=DataOptions(target="paid"))
        >>> {column.name: column.kind for column in table.columns.values()}
        {'age': 'numeric', 'paid': 'category'}

    Args:
        source: a path (as text or `Path`), the name of a set such as `"digits"`, a frame, a pair `(x, y)`, a dict of
            columns or arrays, or an array or list of inputs alone. A table is returned as it is.
        options: `target`, `columns` and `split_column` are obeyed here.
        target_needed: whether the rows are to learn from. If not (to predict, or to evaluate), one row is enough, the
            target may be missing (where it is there, it is read), and no column is put aside as useless.

    Returns:
        The table; its images are decoded later.

    Raises:
        DataError: what it is, where, and how to mend it.
    """
    if isinstance(source, Table):
        return source
    located = _located(source)
    table: Table = _source_of(located).read(located, options, target_needed=target_needed)
    if target_needed:
        check(options)
        table = set_aside(table, options)
        _check(table)
    return table


def datasets(root: str | None = None) -> list[NamedSet]:
    """Every set that has a name of its own, and whether and where it is there; `root` is looked in first."""
    from mapsto.data.sources.named import datasets as named_sets  # read asks for sources by name, not for one file

    return named_sets(root)


def _located(source: Any) -> Any:
    """Text that is no set's name as a path that exists; everything else as it is."""
    if not isinstance(source, (str, Path)) or any(SOURCES.get(name)().accepts(source) for name in _BY_NAME):
        return source
    text = str(source)
    if "://" in text:
        raise DataError(f"{text} is an address. mapsto reads local files and downloads nothing: fetch it first.")
    path = Path(text).expanduser()
    try:
        there = path.exists()
    except (OSError, ValueError):  # a name too long, or with a zero byte in it
        there = False
    if not there:
        shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
        raise DataError(f'There is no file, folder or named set called "{shown}".{_nearest(path)}')
    return path


def _nearest(path: Path) -> str:
    """The nearest name of a file beside, or of a set."""
    if not path.parent.is_dir():
        return f" The folder {path.parent} is not there either."
    try:
        beside = [other.name for other in islice(path.parent.iterdir(), _MAX_COMPARED)]
    except OSError:  # it may be entered but not listed
        beside = []
    sets = [found.name for found in datasets()]
    near = difflib.get_close_matches(path.name, [*sets, *beside], n=1, cutoff=0.5)
    if not near:
        return f" Named sets: {', '.join(sets)}."
    return f' Did you mean "{near[0] if near[0] in sets else path.with_name(near[0])}"?'


def _source_of(source: Any) -> Source:
    """The source that reads it."""
    members: list[Source] = [SOURCES.get(name)() for name in SOURCES.names()]
    accepting = [member for member in members if member.accepts(source)]
    if accepting:
        return max(accepting, key=lambda member: member.priority)
    raise DataError(
        f"{source} is of no kind that can be read. Received: {Path(source).suffix or 'no suffix'}. mapsto reads "
        f"{'; '.join(member.reads for member in members)}."
    )


def _check(table: Table) -> None:
    """Refuses what nothing can be learned from."""
    rows = f"{len(table)} row{'s' if len(table) > 1 else ''}"
    if len(table) < MIN_ROWS:
        raise DataError(
            f"{table.name} has {rows}; at least {MIN_ROWS} are needed: to learn from, to choose by and to test with."
        )
    target = table.columns[str(table.target)]
    if target.values.ndim == 1 and not has_value(target.values):
        raise DataError(f'The target "{target.name}" of {table.name} has no value in any of its {len(table):,} rows.')
    if all(column.kind == "ignore" for column in table.columns.values() if column.name != table.target):
        raise DataError(
            f'{table.name} has no column to predict "{target.name}" from: '
            f"{' '.join(note.message for note in table.notes if 'not used' in note.message) or 'it is the only one.'}"
        )
