"""A frame to a table: which column is the target, which says the part, and that names are plain and different."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto.data import cells, fingerprint
from mapsto.data.infer import Inference
from mapsto.data.table import Column, Kind, Note, Part, Table
from mapsto.errors import DataError
from mapsto.recipe.family import did_you_mean
from mapsto.recipe.schema import DataOptions

PART_WORDS: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
"""What people call the parts, in lower case."""

TARGET_NAMES = ("target", "label", "class", "y")
"""A column of such a name, if there is one only, is the target unless another is named."""

SPLIT_NAMES = ("split", "part", "subset")
MAX_COLUMNS = 100_000


def table_of(
    frame: pd.DataFrame,
    *,
    name: str,
    options: DataOptions,
    target_needed: bool,
    target: str | None = None,
    ready: Mapping[str, Column] | None = None,
    kinds: Mapping[str, Kind] | None = None,
    given_parts: NDArray[np.str_] | None = None,
    row_names: NDArray[Any] | None = None,
    digest: str | None = None,
    notes: Iterable[Note] = (),
    folder: Path = Path(),
) -> Table:
    """Types the columns of a frame, and joins them to those that a source made ready (images).

    Args:
        frame: one row an example; without columns where `ready` holds all there is.
        name: of the table, for messages.
        options: whose `target`, `columns` and `split_column` are obeyed.
        target_needed: whether a target must be there; if not, columns are only read, and none is put aside.
        target: the target's name, where the source knows it.
        ready: finished columns of as many rows, which come first.
        kinds: what the source knows about columns of the frame; `options.columns` goes before.
        given_parts: which part each row belongs to, where the source knows.
        row_names: what rows are called; their numbers, from 0, without it.
        digest: the source's fingerprint; without it the columns are hashed.
        notes: what the source noticed.
        folder: where file names in columns of kind image or mask start.

    Raises:
        DataError: there is no row, a name is there twice, or the target or another named column is not there.
    """
    ready = dict(ready or {})
    frame = _with_plain_names(frame, name)
    names = [*ready, *frame.columns]
    if not len(frame):
        raise DataError(f"{name} has no rows. Its columns: {_listed(names)}.")
    found = _target(names, target, name, options, target_needed)
    _check_stated(names, name, options, target_needed)
    split, parts = (
        (None, given_parts) if given_parts is not None else _parts(frame, found, name, options, target_needed)
    )
    dense = bool(ready) or "text" in (kinds or {}).values()
    typed = Inference(options.columns, kinds or {}, found, target_needed, dense, folder)
    columns = {key: typed.restated(column) for key, column in ready.items()}
    for key, series in frame.items():
        columns[str(key)] = typed.aside(series) if key == split else typed.column(series)
    digest = digest or fingerprint.of_arrays({key: column.values for key, column in columns.items()})
    return Table(
        name=name,
        columns=columns,
        target=found,
        given_parts=parts,
        row_names=np.arange(len(frame)) if row_names is None else row_names,
        fingerprint=fingerprint.of_text([digest, *typed.files]) if typed.files else digest,
        notes=(*notes, *_part_notes(split, parts), *typed.notes()),
    )


def check_names(names: Sequence[str], where: str) -> None:
    """Refuses too many columns, and two of one name.

    Raises:
        DataError: the message names up to five of them.
    """
    if len(names) > MAX_COLUMNS:
        raise DataError(
            f"{where} has {len(names):,} columns, more than {MAX_COLUMNS:,}. Does the table lie on its side?"
        )
    twice = pd.unique(pd.Index(names)[pd.Index(names).duplicated()]).tolist()
    if twice:
        raise DataError(
            f"{where} has more than one column called {_listed(twice, 5)}. Rename or remove all but one of them."
        )


def _with_plain_names(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """The frame with names that are text."""
    keys: list[Hashable] = list(frame.columns)
    names = [" ".join(map(str, key)) if isinstance(key, tuple) else str(key) for key in keys]
    check_names(names, where)
    return frame.set_axis(names, axis="columns")


def _listed(names: Sequence[str], limit: int = 20) -> str:
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return (", ".join(f'"{name}"' for name in names[:limit]) or "none") + more


def _nearest(name: str, names: Sequence[str]) -> str:
    """`did_you_mean`, with a name that differs only in case always found."""
    same = [known for known in names if known.casefold() == name.casefold()]
    return did_you_mean(name, names) if not same else f' Did you mean "{same[0]}"?'


def _target(names: Sequence[str], hint: str | None, where: str, options: DataOptions, needed: bool) -> str | None:
    """The column to predict: the one that the user names, the source knows, or whose name leaves no doubt."""
    named = options.target
    if named is not None:
        if named in names:
            return named
        if needed:
            near = _nearest(named, names)
            raise DataError(f'{where} has no column "{named}" (the target).{near} Its columns: {_listed(names)}.')
        return None
    sure = [name for name in names if name.casefold() in TARGET_NAMES]
    if hint is not None or len(sure) == 1:
        return hint or sure[0]
    if needed:
        raise DataError(
            f'Which column of {where} is to be predicted? Name it with `--target NAME` (in Python `target="NAME"`). '
            f"Its columns: {_listed(names)}."
        )
    return None


def _check_stated(names: Sequence[str], where: str, options: DataOptions, needed: bool) -> None:
    """Refuses a kind that is stated for a column that is not there; to predict, not every column need be there."""
    strange = [name for name in options.columns if name not in names]
    if strange and needed:
        near = _nearest(strange[0], names)
        raise DataError(
            f'`data.columns` names "{strange[0]}", but {where} has no such column.{near} Its columns: {_listed(names)}.'
        )


def _parts(
    frame: pd.DataFrame, target: str | None, where: str, options: DataOptions, needed: bool
) -> tuple[str | None, NDArray[np.str_] | None]:
    """The column that says which part a row belongs to, and what it says."""
    named = options.split_column
    if named is not None:
        if named in frame:
            return named, _stated_parts(frame[named], named, where)
        if needed:
            near = _nearest(named, list(frame.columns))
            raise DataError(f'{where} has no column "{named}" (`data.split_column`).{near}')
        return None, None
    for name in frame.columns:
        if name.casefold() in SPLIT_NAMES and name != target and options.columns.get(name, "ignore") == "ignore":
            words = cells.read(frame[name]).values
            if words.dtype == object and all(str(word).casefold() in PART_WORDS for word in pd.unique(words)):
                return name, _as_parts(words)
    return None, None


def _stated_parts(series: pd.Series[Any], name: str, where: str) -> NDArray[np.str_]:
    """The parts of a column that the user named; where it is empty, the row may go to any part."""
    words = cells.to_words(cells.read(series).values)
    strange = [word for word in pd.unique(words) if not pd.isna(word) and str(word).casefold() not in PART_WORDS]
    if strange:
        raise DataError(
            f'Column "{name}" of {where} (`data.split_column`) holds {_listed(strange, 5)}, but a part is called one '
            f"of {', '.join(PART_WORDS)}. Rename the values, or choose another column."
        )
    return _as_parts(words)


def _as_parts(words: NDArray[Any]) -> NDArray[np.str_]:
    codes, unique = pd.factorize(words)
    return np.array([*(PART_WORDS[str(word).casefold()] for word in unique), ""])[codes]


def _part_notes(split: str | None, parts: NDArray[np.str_] | None) -> list[Note]:
    if parts is None:
        return []
    counts = ", ".join(f"{part} {int((parts == part).sum()):,}" for part in ("train", "validation", "test"))
    source = "the source" if split is None else f'column "{split}"'
    return [Note("info", f"The parts are those of {source}: {counts} rows.", split)]
