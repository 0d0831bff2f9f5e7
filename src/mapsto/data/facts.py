"""What is known of prepared data: counts of rows, classes and columns, for defaults and for the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto.data.encoders.base import Encoder
from mapsto.data.prepared import ColumnFacts, Facts
from mapsto.data.preprocessing import TARGETS
from mapsto.data.stored import is_stored, summary
from mapsto.data.table import BULKY, PARTS, Column, Part, Table


def facts_of(
    folder: Path, table: Table, task: str, encoders: Mapping[str, Encoder], parts: dict[Part, NDArray[np.int64]]
) -> Facts:
    """Counts what lies in `folder` and in the table.

    Args:
        folder: where the arrays were written.
        table: as it was encoded.
        task: its name.
        encoders: fitted, by stream.
        parts: the rows of each part.
    """
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
    if encoder.spec.encoder == "labels":
        return tuple(stored[rows].sum(axis=0, dtype=np.int64).tolist())
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
    if column.kind not in BULKY:
        unique = int(np.asarray(pd.notna(pd.unique(column.values))).sum())
    return {"name": column.name, "kind": column.kind, "missing": missing, "unique": unique, "used_as": used_as}
