"""A table to prepared data: rows without a target left out, split, encoded, and written once for all trials."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mapsto._files import explained
from mapsto._messages import say
from mapsto.data.audit._clean import cleaned, without_repeats
from mapsto.data.encoders._columns import counted, numbers, opening, shortened
from mapsto.data.encoders.base import Encoder
from mapsto.data.prepared import DESCRIPTION, FORMAT, Facts, Prepared, load_prepared
from mapsto.data.preprocessing import TARGETS, is_target
from mapsto.data.split import check_columns, set_aside, split
from mapsto.data.stored import is_stored, row_bytes
from mapsto.data.table import Note, Table
from mapsto.data.weights import weights_of
from mapsto.data.writing import OnProgress, write
from mapsto.errors import DataError, RunError
from mapsto.recipe.families import ENCODERS
from mapsto.recipe.schema import DataOptions
from mapsto.recipe.sizes import parse_size

__all__ = ["Facts", "Prepared", "load_prepared", "prepare"]


class Streams(Protocol):
    """As much of a task as preparing needs to know (see `mapsto.tasks.base.Task`)."""

    @property
    def name(self) -> str: ...

    @property
    def streams(self) -> Mapping[str, str]: ...

    def columns(self, table: Table) -> dict[str, tuple[str, ...]]: ...


def prepare(
    table: Table,
    *,
    task: Streams,
    recipe_data: DataOptions,
    seed: int,
    folder: Path,
    on_progress: OnProgress = lambda done, total: None,
) -> Prepared:
    """Makes the arrays that a task trains on, or opens those that were made before from the same data and settings.

    Rows without a usable target are left out, with a warning; the others are split; every encoder learns from the
    training rows alone; all rows are encoded piece by piece and written to `folder/<fingerprint>/`. That folder is
    there whole or not at all, and once it is there the source is not read again.

    Args:
        table: with a target.
        task: says which columns each stream reads, and by which encoder.
        recipe_data: the data section of the recipe.
        seed: of the split.
        folder: where prepared data are kept, as a run's `data/`.
        on_progress: told now and then how many rows are encoded, and how many there are.

    Raises:
        DataError: the data are not fit for the task: no target, one class, too few rows, nothing to learn from.
        RunError: the folder cannot be written, or the disk is full.
    """
    check_columns(table, recipe_data)
    table = set_aside(table, recipe_data)
    is_cleaned = recipe_data.clean == "auto"
    table, spellings = cleaned(table) if is_cleaned else (table, {})
    columns = task.columns(table)
    if not columns.get(TARGETS):
        raise DataError(
            f"{table.name} has no target: name the column to predict with `--target`. Columns: "
            f"{shortened(list(table.columns), 12)}."
        )
    place = folder / _fingerprint(table, columns, task, recipe_data, seed)
    if (place / DESCRIPTION).is_file():
        return load_prepared(place)
    encoders: dict[str, Encoder] = {
        stream: ENCODERS.get(task.streams.get(stream, "array"))(names, recipe_data) for stream, names in columns.items()
    }
    table = _usable(table, encoders, recipe_data)
    parts, said = split(table, encoders[TARGETS].strata(table), recipe_data, seed)
    parts["train"], repeated = without_repeats(table, parts) if is_cleaned else (parts["train"], [])
    parts["train"], left_out = _without_outlying(table, encoders, parts["train"])
    weights = weights_of(table, parts["train"], recipe_data)
    notes = _fitted(table, encoders, parts["train"], recipe_data)
    table = _noted(table, *said, *repeated, *left_out, *notes)
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder)
    temporary = folder / f".{place.name}.{os.getpid()}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)  # of a process that was killed and had our number
    try:
        write(temporary, table, task.name, encoders, parts, recipe_data, spellings, weights, on_progress)
        _move(temporary, place)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return load_prepared(place)


def _fitted(table: Table, encoders: Mapping[str, Encoder], rows: NDArray[np.int64], options: DataOptions) -> list[Note]:
    """What the encoders noticed in the training rows; of a table in a file, inputs are learned from a part."""
    inputs = {name for stream, encoder in encoders.items() if not is_target(stream) for name in encoder.columns}
    stored = {name: table.columns[name].values for name in inputs if is_stored(table.columns[name].values)}
    most = max(10_000, parse_size(options.memory) // 16 // row_bytes(stored)) if stored else len(rows)
    if len(rows) <= most:
        return [note for encoder in encoders.values() for note in encoder.fit(table, rows)]
    drawn = np.sort(np.random.default_rng(0).permutation(rows)[:most])
    sample = table.take(drawn)
    message = say(
        "Levels, vocabularies and scales were learned from {most:,} of the {total:,} training rows (`data.memory`).",
        most=most,
        total=len(rows),
    )
    notes = [Note("info", message)]
    for stream, encoder in encoders.items():
        if is_target(stream):
            notes += encoder.fit(table, rows)
        else:
            notes += encoder.fit(sample, np.arange(most))
            encoder.learned_from(table, drawn, rows)
    return notes


def _fingerprint(
    table: Table, columns: Mapping[str, tuple[str, ...]], task: Streams, options: DataOptions, seed: int
) -> str:
    """16 hex digits of all that decides the arrays: the source's content, the columns, the settings, the seed."""
    decisive = {
        "format": FORMAT,
        "source": table.fingerprint,
        "rows": len(table),
        "parts": None if table.given_parts is None else hashlib.sha256(_joined(table.given_parts)).hexdigest(),
        "target": table.target,
        "kinds": {name: column.kind for name, column in table.columns.items()},
        "task": task.name,
        "streams": dict(task.streams),
        "columns": {stream: list(names) for stream, names in columns.items()},
        # Where the data lie and what their columns are is in the lines above already.
        "options": options.model_dump(mode="json", exclude={"source", "root", "target", "columns"}),
        "seed": seed,
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]


def _joined(words: NDArray[np.str_]) -> bytes:
    return "\n".join(words.tolist()).encode()


def _usable(table: Table, encoders: Mapping[str, Encoder], options: DataOptions) -> Table:
    """The rows that have a target and, where the settings say so, no missing number."""
    target = encoders[TARGETS].columns[0]
    without = encoders[TARGETS].unusable(table)
    if len(table) and without.all():
        raise DataError(
            f'The target "{target}" of {table.name} has no usable value in any of {counted(len(table), "row")}. '
            f"Choose another with `--target`, or state its kind: `--set data.columns.{target}=category`."
        )
    if without.any():
        message = say(
            '{rows} without a usable value of the target "{target}" left out.',
            rows=opening(int(without.sum()), "row"),
            target=target,
        )
        table = _noted(table.take(~without), Note("warning", message, target))
    if options.missing != "drop":
        return table
    inputs = {name for stream, encoder in encoders.items() if not is_target(stream) for name in encoder.columns}
    gone = np.zeros(len(table), dtype=np.bool_)
    for column in table.of_kind("numeric", "date"):
        if column.name in inputs:
            gone |= ~np.isfinite(numbers(table, column.name))
    if len(table) and gone.all():
        raise DataError(
            f'No row of {table.name} is complete, so `data.missing: drop` leaves none. Set `data.missing` to "median".'
        )
    if gone.any():
        message = say(
            "{rows} of {total:,} with a missing number left out (`data.missing`).",
            rows=opening(int(gone.sum()), "row"),
            total=len(table),
        )
        table = _noted(table.take(~gone), Note("warning", message))
    return table


def _without_outlying(
    table: Table, encoders: Mapping[str, Encoder], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], list[Note]]:
    """The training rows without those that an encoder does not want to learn from, and a note."""
    outlying = np.zeros(len(rows), dtype=np.bool_)
    for encoder in encoders.values():
        outlying |= encoder.outlying(table, rows)
    count = int(outlying.sum())
    if not count:
        return rows, []
    if count > len(rows) / 2:
        raise DataError(
            f"{count:,} of the {len(rows):,} training rows of {table.name} have an outlier, so `data.outliers: drop` "
            f"would leave too few. Raise `data.outlier_limit`, or set `data.outliers` to clip."
        )
    message = say(
        "{rows} of {total:,} with an outlier left out of training (`data.outliers`).",
        rows=opening(count, "row"),
        total=len(rows),
    )
    return rows[~outlying], [Note("warning", message)]


def _noted(table: Table, *notes: Note) -> Table:
    return Table(**{**vars(table), "notes": (*table.notes, *notes)})


def _move(temporary: Path, place: Path) -> None:
    try:
        temporary.rename(place)
    except OSError as error:
        if not place.exists():
            with explained(place):
                raise
        # Another process prepared the same data meanwhile; its folder is as good.
        if not (place / DESCRIPTION).is_file():
            raise RunError(f"{place} is in the way of the prepared data. Remove it and try again.") from error


def _remove_leftovers(folder: Path) -> None:
    """Removes what processes that were killed while preparing have left."""
    for path in folder.glob(".*.tmp"):
        owner = path.name.split(".")[-2]
        if owner.isdecimal() and not _is_running(int(owner)):
            shutil.rmtree(path, ignore_errors=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
