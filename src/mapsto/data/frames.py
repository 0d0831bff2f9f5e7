"""A frame to a table: which column is the target, which says the part, and that names are plain and different."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import say
from mapsto.data import dates, fingerprint
from mapsto.data.column_names import listed, nearest
from mapsto.data.file_columns import file_kind
from mapsto.data.given_parts import part_notes, parts_in, stated_parts
from mapsto.data.infer import Inference
from mapsto.data.labels import flag_names, joined_flags, joined_lists, missing_flag
from mapsto.data.mapped import PIECE_ROWS, File
from mapsto.data.number_columns import LOOKED_AT, MOSTLY_NUMBERS, Told, different_texts, mark_of, texts_of
from mapsto.data.number_formats import Mark
from mapsto.data.spool import Frames
from mapsto.data.stored import Words, dates_of, numbers_of, odd_rows, row_bytes, told_of, words_of, written
from mapsto.data.table import Column, Kind, Note, Table
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions
from mapsto.recipe.sections import OTHERS

TARGET_NAMES = ("target", "label", "class", "y")
"""A column of such a name, if there is one only, is the target unless another is named."""

MAX_COLUMNS = 100_000

_SAMPLE_ROWS = 100_000


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
    mark: Mark | None = None,
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
        folder: where file names in columns of kind image, mask or audio start.
        mark: the decimal mark that the source's own numbers have, where that says something of those in text.

    Raises:
        DataError: there is no row, a name is there twice, or the target or another named column is not there.
    """
    ready = dict(ready or {})
    frame = _with_plain_names(frame, name)
    flags = flag_names(options.target, [*ready, *frame.columns])
    _check_stated([*ready, *frame.columns], name, options, target_needed)
    if flags:
        joined = joined_flags(frame, flags, str(options.target), name)
        frame, ready = frame.drop(columns=list(flags)), {**ready, joined.name: joined}
    names = [*ready, *frame.columns]
    if not names:
        raise DataError(f"{name} has no columns.")
    if not len(frame):
        raise DataError(f"{name} has no rows. Its columns: {listed(names)}.")
    found = _target(names, target, name, options, target_needed)
    if found in frame and (lists := joined_lists(frame[found], options.label_separator, name)) is not None:
        frame, ready, flags = frame.drop(columns=found), {**ready, lists.name: lists}, (lists.name,)
    split, parts = (
        (None, given_parts) if given_parts is not None else parts_in(frame, found, name, options, target_needed)
    )
    own_kinds = _stated_kinds(options, names, {found, split})
    stated = {*(kinds or {}).values(), *own_kinds.values()}
    dense = len(ready) > bool(flags) or not stated.isdisjoint(("text", "image", "audio")) or _names_files(frame, folder)
    hint = cache(lambda: mark_of(texts_of(frame)) or mark)
    typed = Inference(
        own_kinds, kinds or {}, found, target_needed, dense, folder, options.number_formats, hint,
        options.label_separator,
    )  # fmt: skip
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
        notes=(*notes, *part_notes(split, parts), *typed.notes()),
    )


def _names_files(frame: pd.DataFrame, folder: Path) -> bool:
    """Whether a column names images or recordings, whose classes may be many."""
    texts = (series.dropna().to_numpy() for _, series in frame.items() if series.dtype.kind == "O")
    return any(file_kind(column, folder) is not None for column in texts)


def table_of_pieces(
    frames: Frames,
    *,
    name: str,
    options: DataOptions,
    target_needed: bool,
    given_parts: NDArray[np.str_] | None = None,
    kinds: Mapping[str, Kind] | None = None,
    notes: Iterable[Note] = (),
    first_row: int = 1,
    **about: Any,
) -> Table:
    """The same of a frame that came in pieces; where it is stored, kinds are told from a sample of its rows.

    Args:
        frames: all pieces.
        first_row: the first row's number.
        about: further arguments of `table_of`.
    """
    known: dict[str, Any] = {"name": name, "options": options, "target_needed": target_needed, "kinds": kinds, **about}
    whole = frames.frame()
    if whole is not None:
        ready = about.get("ready") or {}
        if not len(whole.columns) and ready:
            whole = pd.DataFrame(index=pd.RangeIndex(len(next(iter(ready.values())).values)))
        rows = np.arange(first_row, first_row + len(whole))
        return table_of(whole, given_parts=given_parts, row_names=rows, notes=notes, **known)
    stated = {**(kinds or {}), **options.columns}
    stored = frames.columns(frozenset(key for key, kind in stated.items() if kind in ("category", "text")))
    check_names(list(stored), name)
    if flag_names(options.target, list(stored)):
        raise DataError(
            f"{name} has {frames.rows:,} rows, too many for a target of several columns: raise `data.memory`, or join "
            f"the names of each row's labels in one column."
        )
    values = {key: column.values for key, column in stored.items()}
    count = min(_SAMPLE_ROWS, frames.rows, max(1000, frames.limit // row_bytes(values)))
    sample = np.sort(np.random.default_rng(0).permutation(frames.rows)[:count])
    text = [column for column in values.values() if isinstance(column, Words)]
    sample = np.union1d(sample, [row for column in text for row in odd_rows(column, sample)]).astype(np.int64)
    looked = pd.DataFrame({key: np.asarray(column[sample]) for key, column in values.items()})
    said = [
        Note("warning", say('"{name}" {remark}.', name=key, remark=remark), key)
        for key, column in stored.items()
        for remark in column.remarks
    ]
    message = say(
        "{name} has {rows:,} rows, more than `data.memory` ({memory}) has room for. They lie in a temporary file; what "
        "the columns hold was told from {sample:,} of them.",
        name=name,
        rows=frames.rows,
        memory=options.memory,
        sample=count,
    )
    notes = [*notes, Note("info", message), *said]
    formats = _stored_formats(values, stated, options, target_needed, about.get("mark"))
    known["options"] = options.model_copy(
        update={"number_formats": {**{key: told.example for key, told in formats.items()}, **options.number_formats}}
    )
    some = None if given_parts is None else given_parts[sample]
    ready = about.get("ready") or {}
    known["ready"] = {key: replace(column, values=column.values[sample]) for key, column in ready.items()}
    table = table_of(looked, given_parts=some, row_names=sample, notes=notes, **known)
    columns = {
        key: replace(c, values=ready[key].values if key in ready else _stored_as(values[key], c))
        for key, c in table.columns.items()
    }
    split = None
    if given_parts is None and table.given_parts is not None:
        split, _ = parts_in(looked, table.target, name, options, target_needed)
        given_parts = stated_parts(pd.Series(np.asarray(values[str(split)]), dtype=object), str(split), name)
    kept = [note for note in table.notes if not note.message.startswith("The parts are those of")]
    kept += [
        Note("info", say('"{name}" {remark}.', name=key, remark=told.said(key)), key)
        for key, told in formats.items()
        if columns[key].number_format
    ]
    return replace(
        table,
        columns=columns,
        given_parts=given_parts,
        row_names=_numbered(first_row, frames.rows),
        notes=(*kept, *part_notes(split, given_parts)),
    )


def _numbered(first: int, rows: int) -> NDArray[np.int64]:
    """The numbers of rows that lie in a file, in a file as well."""
    parts = (
        np.arange(first + start, first + min(start + PIECE_ROWS, rows), dtype=np.int64)
        for start in range(0, rows, PIECE_ROWS)
    )
    return written(File(), "int64", rows, parts)


def _stored_formats(
    values: Mapping[str, Any], stated: Mapping[str, Kind], options: DataOptions, learning: bool, mark: Mark | None
) -> dict[str, Told]:
    """How stored columns of text write numbers, those of which all rows, or nearly all, are numbers so."""
    texts = {key: column for key, column in values.items() if isinstance(column, Words)}
    hint = cache(lambda: mark_of(different_texts(column[:LOOKED_AT]) for column in texts.values()) or mark)
    found = {}
    for key, column in texts.items():
        if stated.get(key, "numeric") != "numeric" or key in options.number_formats:
            continue
        told = told_of(column, 0.0 if key in stated else MOSTLY_NUMBERS, hint)
        if told is not None and (learning or told.is_plain):
            found[key] = told
    return found


def _stored_as(values: Any, column: Column) -> Any:
    """Stored values as the column's kind has them."""
    is_text = isinstance(values, Words)
    if column.kind in ("category", "text") and not is_text:
        return dates.written(values) if values.dtype.kind == "M" else words_of(values)
    if column.kind == "numeric" and values.dtype.kind == "M":
        return dates.as_days(values)
    if column.kind == "numeric" and is_text:
        return numbers_of(values, column.number_format)
    if column.kind == "date" and is_text and column.values.dtype.kind == "M":
        return dates_of(values, column.date_order)
    if column.kind in ("numeric", "category", "text", "ignore", "date"):
        return values
    raise DataError(
        f'Column "{column.name}" is of kind {column.kind}, for which the table is too large: raise `data.memory`.'
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
            f"{where} has more than one column called {listed(twice, 5)}. Rename or remove all but one of them."
        )


def _with_plain_names(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """The frame with names that are text."""
    keys: list[Hashable] = list(frame.columns)
    names = [" ".join(map(str, key)) if isinstance(key, tuple) else str(key) for key in keys]
    check_names(names, where)
    return frame.set_axis(names, axis="columns")


def _target(names: Sequence[str], hint: str | None, where: str, options: DataOptions, needed: bool) -> str | None:
    """The column to predict: the one that the user names, the source knows, or whose name leaves no doubt."""
    named = options.target
    if named is not None:
        if named in names:
            return named
        if needed:
            near = missing_flag(named, names) or nearest(named, names)
            raise DataError(f'{where} has no column "{named}" (the target).{near} Its columns: {listed(names)}.')
        return None
    sure = [name for name in names if name.casefold() in TARGET_NAMES]
    if hint is not None or len(sure) == 1:
        return hint or sure[0]
    if needed:
        raise DataError(
            f'Which column of {where} is to be predicted? Name it with `--target NAME` (in Python `target="NAME"`). '
            f"Its columns: {listed(names)}."
        )
    return None


def _stated_kinds(options: DataOptions, names: Sequence[str], named: set[str | None]) -> dict[str, Kind]:
    """The kinds that the user stated; `"*": ignore` puts aside all columns that no setting names.

    Args:
        names: all columns.
        named: the target, and the column that tells the parts.
    """
    kinds: dict[str, Kind] = {name: kind for name, kind in options.columns.items() if name in names}
    if OTHERS in options.columns:
        named = {*named, options.group_column, options.time_column, options.weight_column}
        kinds |= {name: "ignore" for name in names if name not in kinds and name not in named}
    return kinds


def _check_stated(names: Sequence[str], where: str, options: DataOptions, needed: bool) -> None:
    """Refuses a kind that is stated for a column that is not there; to predict, not every column need be there."""
    if options.columns.get(OTHERS, "ignore") != "ignore":
        raise DataError(
            f'`data.columns` can put all other columns aside (`"{OTHERS}": ignore`), and not say of what kind they '
            f'are. Received: "{OTHERS}": {options.columns[OTHERS]}.'
        )
    strange = [name for name in options.columns if name not in (*names, OTHERS)]
    if strange and needed:
        near = nearest(strange[0], names)
        raise DataError(
            f'`data.columns` names "{strange[0]}", but {where} has no such column.{near} Its columns: {listed(names)}.'
        )
