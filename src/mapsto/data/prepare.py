"""A table to prepared data: rows without a target left out, split, encoded, and written once for all trials."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._files import explained, write_json
from mapsto.data.audit._clean import Respelled, cleaned, without_repeats
from mapsto.data.encoders._columns import counted, numbers, opening, shortened, texts
from mapsto.data.encoders.base import Encoder
from mapsto.data.prepared import DESCRIPTION, EXAMPLES, FORMAT, PART_ROWS, ColumnFacts, Facts, Prepared, load_prepared
from mapsto.data.preprocessing import TARGETS, Preprocessing
from mapsto.data.split import check_columns, set_aside, split
from mapsto.data.stored import is_stored, row_bytes, summary
from mapsto.data.table import PARTS, Column, Note, Part, Table
from mapsto.errors import DataError, RunError
from mapsto.recipe.families import ENCODERS
from mapsto.recipe.schema import DataOptions
from mapsto.recipe.sizes import parse_size

__all__ = ["Facts", "Prepared", "load_prepared", "prepare"]

CHUNK_BYTES = 1 << 25
"""Encoded bytes that are made and written at a time, 32 MiB."""

CHUNK_ROWS = 8192

MOST_SHOWN = 256
"""Columns whose raw values are kept to show examples; nobody looks at more."""


class Streams(Protocol):
    """As much of a task as preparing needs to know (see `mapsto.tasks.base.Task`)."""

    @property
    def name(self) -> str: ...

    @property
    def streams(self) -> Mapping[str, str]: ...

    def columns(self, table: Table) -> dict[str, tuple[str, ...]]: ...


def prepare(table: Table, *, task: Streams, recipe_data: DataOptions, seed: int, folder: Path) -> Prepared:
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

    Raises:
        DataError: the data are not fit for the task: no target, one class, too few rows, nothing to learn from.
        RunError: the folder cannot be written, or the disk is full.
    """
    check_columns(table, recipe_data)
    table = set_aside(table, recipe_data)
    # Looking for repeats and spellings takes all rows at once, too many where the table lies in a file.
    is_cleaned = recipe_data.clean == "auto" and not any(is_stored(c.values) for c in table.columns.values())
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
        stream: ENCODERS.get(encoder)(columns[stream], recipe_data) for stream, encoder in task.streams.items()
    }
    table = _usable(table, encoders, recipe_data)
    parts, said = split(table, encoders[TARGETS].strata(table), recipe_data, seed)
    parts["train"], repeated = without_repeats(table, parts) if is_cleaned else (parts["train"], [])
    parts["train"], left_out = _without_outlying(table, encoders, parts["train"])
    notes = _fitted(table, encoders, parts["train"], recipe_data)
    table = _noted(table, *said, *repeated, *left_out, *notes)
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder)
    temporary = folder / f".{place.name}.{os.getpid()}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)  # of a process that was killed and had our number
    try:
        _write(temporary, table, task.name, encoders, parts, recipe_data, spellings)
        _move(temporary, place)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return load_prepared(place)


def _fitted(table: Table, encoders: Mapping[str, Encoder], rows: NDArray[np.int64], options: DataOptions) -> list[Note]:
    """What the encoders noticed in the training rows; of a table in a file, inputs are learned from a part."""
    inputs = {name for stream, encoder in encoders.items() if stream != TARGETS for name in encoder.columns}
    stored = {name: table.columns[name].values for name in inputs if is_stored(table.columns[name].values)}
    most = max(10_000, parse_size(options.memory) // 16 // row_bytes(stored)) if stored else len(rows)
    if len(rows) <= most:
        return [note for encoder in encoders.values() for note in encoder.fit(table, rows)]
    drawn = np.sort(np.random.default_rng(0).permutation(rows)[:most])
    sample = table.take(drawn)
    message = (
        f"Levels, vocabularies and scales were learned from {most:,} of the {len(rows):,} training rows "
        f"(`data.memory`)."
    )
    notes = [Note("info", message)]
    for stream, encoder in encoders.items():
        if stream == TARGETS:
            notes += encoder.fit(table, rows)
        else:
            notes += encoder.fit(sample, np.arange(most))
            encoder.learned_from(drawn, len(table))
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
        message = f'{opening(int(without.sum()), "row")} without a usable value of the target "{target}" left out.'
        table = _noted(table.take(~without), Note("warning", message, target))
    if options.missing != "drop":
        return table
    inputs = {name for stream, encoder in encoders.items() if stream != TARGETS for name in encoder.columns}
    gone = np.zeros(len(table), dtype=np.bool_)
    for column in table.of_kind("numeric", "date"):
        if column.name in inputs:
            gone |= ~np.isfinite(numbers(table, column.name))
    if len(table) and gone.all():
        raise DataError(
            f'No row of {table.name} is complete, so `data.missing: drop` leaves none. Set `data.missing` to "median".'
        )
    if gone.any():
        message = (
            f"{opening(int(gone.sum()), 'row')} of {len(table):,} with a missing number left out (`data.missing`)."
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
    message = f"{opening(count, 'row')} of {len(rows):,} with an outlier left out of training (`data.outliers`)."
    return rows[~outlying], [Note("warning", message)]


def _noted(table: Table, *notes: Note) -> Table:
    return Table(**{**vars(table), "notes": (*table.notes, *notes)})


# ------------------------------------------------------------------------------------------------ writing


def _write(
    folder: Path,
    table: Table,
    task: str,
    encoders: Mapping[str, Encoder],
    parts: dict[Part, NDArray[np.int64]],
    options: DataOptions,
    spellings: Respelled,
) -> None:
    with explained(folder):
        folder.mkdir()
    faults: dict[int, str] = {}
    for stream, encoder in encoders.items():
        _write_array(folder / f"{stream}.npy", table, encoder, faults)
    parts, notes = _without_faults(table, encoders, parts, faults)
    shown = [c for c in table.columns.values() if c.kind not in ("image", "mask", "audio") and c.name != table.target]
    del shown[MOST_SHOWN:]
    _write_examples(folder / EXAMPLES, table, shown)
    with explained(folder / PART_ROWS):
        np.savez(folder / PART_ROWS, allow_pickle=False, **parts)
    read = {name for encoder in encoders.values() for name in encoder.columns}
    kinds = {name: column.kind for name, column in table.columns.items() if name in read}
    described = {
        "format": FORMAT,
        "rows": len(table),
        "facts": _facts(folder, table, task, encoders, parts).to_json(),
        "notes": [asdict(note) for note in (*table.notes, *notes)],
        "example_columns": [column.name for column in shown],
        "preprocessing": Preprocessing(encoders, options, kinds, spellings).to_json(),
    }
    write_json(folder / DESCRIPTION, described)


def _write_array(path: Path, table: Table, encoder: Encoder, faults: dict[int, str]) -> None:
    """Writes all rows as a `.npy` file, piece by piece; rows that cannot be encoded are zeros and go to `faults`.

    Plain writes, not a memory map: where the disk is full a write fails with an error, but a map kills the process.
    """
    spec = encoder.spec
    dtype = np.dtype(spec.dtype)
    row_bytes = dtype.itemsize * int(np.prod(spec.shape, dtype=np.int64))
    rows = max(1, min(CHUNK_ROWS, CHUNK_BYTES // max(1, row_bytes)))
    header = {"descr": dtype.str, "fortran_order": False, "shape": (len(table), *spec.shape)}
    with explained(path):
        file = path.open("wb")
        np.lib.format.write_array_header_1_0(file, header)
    with file:
        for start in range(0, len(table), rows):
            _append(file, path, _encoded(table, encoder, np.arange(start, min(start + rows, len(table))), faults))


def _append(file: BinaryIO, path: Path, array: NDArray[Any]) -> None:
    with explained(path):
        file.write(np.ascontiguousarray(array).data.cast("B"))
        file.flush()


def _encoded(table: Table, encoder: Encoder, rows: NDArray[np.int64], faults: dict[int, str]) -> NDArray[Any]:
    """The encoded rows; where some cannot be read, halves are tried until each such row is found."""
    try:
        return encoder.encode_rows(table, rows)
    except DataError as error:
        if len(rows) == 1:
            faults[int(rows[0])] = str(error)
            return np.zeros((1, *encoder.spec.shape), dtype=encoder.spec.dtype)
        middle = len(rows) // 2
        halves = [_encoded(table, encoder, half, faults) for half in (rows[:middle], rows[middle:])]
        return np.concatenate(halves)


def _without_faults(
    table: Table,
    encoders: Mapping[str, Encoder],
    parts: dict[Part, NDArray[np.int64]],
    faults: Mapping[int, str],
) -> tuple[dict[Part, NDArray[np.int64]], list[Note]]:
    """The parts without rows that cannot be read, or whose target training never saw."""
    notes = []
    if faults:
        named = shortened([_named(str(table.row_names[row]), cause) for row, cause in sorted(faults.items())], 5)
        notes.append(Note("warning", f"{opening(len(faults), 'row')} left out that cannot be read ({named})."))
    target = encoders[TARGETS].columns[0]
    unseen = encoders[TARGETS].unusable(table)
    if unseen.any():
        values = sorted({str(value) for value in texts(table, target)[unseen]})
        message = (
            f"{opening(int(unseen.sum()), 'row')} left out: no training row has their class ({shortened(values)})."
        )
        notes.append(Note("warning", message, target))
    unseen[list(faults)] = True
    kept = {part: rows[~unseen[rows]] for part, rows in parts.items()}
    for part, rows in kept.items():
        if not len(rows):
            reasons = " ".join(note.message for note in notes)
            raise DataError(f"No row is left for {part} in {table.name}. {reasons} Repair these rows, or add others.")
    return kept, notes


def _named(row: str, cause: str) -> str:
    """The cause, with the row's name unless it names the row itself."""
    return cause.rstrip(".") if row in cause else f"{row}: {cause.rstrip('.')}"


def _write_examples(path: Path, table: Table, shown: list[Column]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Columns are found by place, since two of the user's may have the same name in another case.
    names = ["row", *(f"column {place}" for place in range(len(shown)))]
    types = [pa.string(), *(pa.float64() if column.kind == "numeric" else pa.string() for column in shown)]
    schema = pa.schema(list(zip(names, types, strict=True)))
    raw = replace(table, columns={column.name: column for column in shown})
    rows = max(1, CHUNK_BYTES // (64 * len(names)))
    # Nobody searches this file, so it needs no statistics; with 10,000 columns they cost seconds.
    with explained(path), pq.ParquetWriter(path, schema, compression="zstd", write_statistics=False) as file:
        for start in range(0, len(table), rows):
            piece = raw.take(np.arange(start, min(start + rows, len(table))))
            arrays = [pa.array([str(name) for name in piece.row_names], type=pa.string())]
            for column in shown:
                if column.kind == "numeric":
                    arrays.append(pa.array(numbers(piece, column.name), from_pandas=True))
                else:
                    arrays.append(pa.array(texts(piece, column.name), type=pa.string()))
            file.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))


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


# ------------------------------------------------------------------------------------------------ facts


def _facts(
    folder: Path, table: Table, task: str, encoders: Mapping[str, Encoder], parts: dict[Part, NDArray[np.int64]]
) -> Facts:
    inputs, targets = encoders["inputs"].spec, encoders[TARGETS].spec
    used_as = {name: stream for stream, encoder in encoders.items() for name in encoder.columns}
    used_as |= dict.fromkeys(encoders[TARGETS].columns, "target")
    part_counts: dict[Part, int] = {part: len(parts[part]) for part in PARTS}
    return Facts(
        name=table.name,
        task=task,
        target=encoders[TARGETS].columns[0],
        num_rows=sum(part_counts.values()),
        part_counts=part_counts,
        num_classes=len(targets.names) or None,
        class_names=targets.names,
        class_counts=_class_counts(folder / f"{TARGETS}.npy", encoders[TARGETS], parts["train"]),
        columns=tuple(_column_facts(c, used_as.get(c.name, "not used")) for c in table.columns.values()),
        input_shape=inputs.shape,
        num_features=int(np.prod(inputs.shape, dtype=np.int64)),
        vocabulary_size=len(inputs.names) if inputs.encoder == "tokens" else None,
    )


def _class_counts(path: Path, encoder: Encoder, rows: NDArray[np.int64]) -> tuple[int, ...]:
    if not encoder.spec.names:
        return ()
    stored = np.load(path, mmap_mode="r", allow_pickle=False)
    counts = np.zeros(256 if encoder.spec.ignore is not None else len(encoder.spec.names), dtype=np.int64)
    for start in range(0, len(rows), 256):
        counts += np.bincount(stored[rows[start : start + 256]].ravel(), minlength=len(counts))
    return tuple(counts[: len(encoder.spec.names)].tolist())


def _column_facts(column: Column, used_as: str) -> ColumnFacts:
    if column.values.ndim == 1 and is_stored(column.values):
        gone, different = summary(column.values)
        return {"name": column.name, "kind": column.kind, "missing": gone, "unique": different, "used_as": used_as}
    missing = 0 if column.values.ndim > 1 else int(np.asarray(pd.isna(column.values)).sum())
    unique: int | None = None
    if column.kind not in ("image", "mask", "audio"):
        unique = int(np.asarray(pd.notna(pd.unique(column.values))).sum())
    return {"name": column.name, "kind": column.kind, "missing": missing, "unique": unique, "used_as": used_as}
