"""Encoded tables on disk: written piece by piece, rows that cannot be encoded left out and told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mapsto._files import explained, write_json
from mapsto._messages import say
from mapsto.data.audit._clean import Respelled
from mapsto.data.encoders._columns import numbers, opening, shortened, texts
from mapsto.data.encoders.base import Encoder
from mapsto.data.facts import facts_of
from mapsto.data.prepared import DESCRIPTION, EXAMPLES, FORMAT, PART_ROWS, WEIGHTS
from mapsto.data.preprocessing import TARGETS, Preprocessing
from mapsto.data.table import BULKY, Column, Note, Part, Table
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

OnProgress = Callable[[int, int], None]

CHUNK_BYTES = 1 << 25
"""Encoded bytes that are made and written at a time, 32 MiB."""

CHUNK_ROWS = 8192

MOST_SHOWN = 256
"""Columns whose raw values are kept to show examples; nobody looks at more."""


def write(
    folder: Path,
    table: Table,
    task: str,
    encoders: Mapping[str, Encoder],
    parts: dict[Part, NDArray[np.int64]],
    options: DataOptions,
    spellings: Respelled,
    weights: NDArray[np.float32] | None,
    on_progress: OnProgress,
) -> None:
    """Writes the arrays, the parts, the examples and what is known of all, into a new folder.

    Args:
        folder: to be made.
        table: with every row that is used.
        task: its name.
        encoders: fitted, by stream.
        parts: the rows of each part.
        options: the data section of the recipe.
        spellings: of levels, that were made one.
        weights: how much each row counts in the training loss; None: alike.
        on_progress: told rows done and rows in all, of the stream that is written, after each piece.
    """
    with explained(folder):
        folder.mkdir()
    faults: dict[int, str] = {}
    for stream, encoder in encoders.items():
        _write_array(folder / f"{stream}.npy", table, encoder, faults, on_progress)
    if weights is not None:
        with explained(folder / WEIGHTS):
            np.save(folder / f"{WEIGHTS}.npy", weights, allow_pickle=False)
    parts, notes = _without_faults(table, encoders, parts, faults)
    shown = [c for c in table.columns.values() if c.kind not in BULKY and c.name != table.target]
    del shown[MOST_SHOWN:]
    _write_examples(folder / EXAMPLES, table, shown)
    with explained(folder / PART_ROWS):
        np.savez(folder / PART_ROWS, allow_pickle=False, **parts)
    read = {name for encoder in encoders.values() for name in encoder.columns}
    kinds = {name: column.kind for name, column in table.columns.items() if name in read}
    formats = {name: c.number_format for name, c in table.columns.items() if name in read and c.number_format}
    described = {
        "format": FORMAT,
        "rows": len(table),
        "facts": facts_of(folder, table, task, encoders, parts).to_json(),
        "notes": [note.to_json() for note in (*table.notes, *notes)],
        "example_columns": [column.name for column in shown],
        "preprocessing": Preprocessing(encoders, options, kinds, spellings, formats).to_json(),
    }
    write_json(folder / DESCRIPTION, described)


def _write_array(path: Path, table: Table, encoder: Encoder, faults: dict[int, str], on_progress: OnProgress) -> None:
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
            end = min(start + rows, len(table))
            _append(file, path, _encoded(table, encoder, np.arange(start, end), faults))
            on_progress(end, len(table))


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
        message = say("{rows} left out that cannot be read ({named}).", rows=opening(len(faults), "row"), named=named)
        notes.append(Note("warning", message))
    target = encoders[TARGETS].columns[0]
    unseen = encoders[TARGETS].unusable(table)
    if unseen.any():
        values = sorted({str(value) for value in texts(table, target)[unseen]})
        message = say(
            "{rows} left out: no training row has their class ({values}).",
            rows=opening(int(unseen.sum()), "row"),
            values=shortened(values),
        )
        notes.append(Note("warning", message, target))
    unseen[list(faults)] = True
    kept = {part: rows[~unseen[rows]] for part, rows in parts.items()}
    for part, rows in kept.items():
        if len(parts[part]) and not len(rows):
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
