"""Rows that are there more than once."""

from __future__ import annotations

import hashlib
import time
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import count, say
from mapsto.data.audit._subject import Rows, Subject, hashes, percent
from mapsto.data.audit.base import Check, Finding
from mapsto.data.images import ImageFile
from mapsto.data.stored import in_pieces
from mapsto.data.table import PARTS, Kind
from mapsto.errors import DataError

OFTEN = 0.2
"""Where a greater share of rows is repeated, rows are alike by nature: few columns, or few values."""


class Duplicates(Check):
    """Finds rows that are the same in every column that is used and does not only name rows; images by their pixels or
    their files' bytes.

    Rows of different given parts that are the same are a finding of their own: a network that has seen the answer
    is not tested.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("numeric", "category", "text", "image")

    def run(self, subject: Subject) -> list[Finding]:
        keys = row_keys(subject, self.deadline)
        if keys is None:
            return []
        found = []
        first = pd.Series(keys).duplicated(keep="first").to_numpy()
        across = across_parts(keys, subject)
        if len(across):
            crossed = across_training(keys, subject)
            common = len(across) > OFTEN * len(subject)
            message = say("{rows} of the test or validation part also in another part.", rows=count(len(across), "row"))
            action = say("Rows of the training part that are also elsewhere are left out of it.")
            if common:
                action = say("So many rows are alike that this may be their nature; look at them.")
            parts = tuple(part for part in PARTS if part in subject.parts)
            facts = {"training_rows": len(crossed)}
            found.append(self.finding(subject, message, action, rows=across, parts=parts, safe=not common, facts=facts))
        repeated = np.flatnonzero(first)
        if len(repeated):
            message = say(
                "{rows} ({share}) the same as an earlier one, identifiers aside.",
                rows=count(len(repeated), "row"),
                share=percent(len(repeated), len(subject)),
            )
            action = say("Remove them unless rows may be alike by nature.")
            level: Literal["info", "warning"] = "warning" if len(repeated) <= OFTEN * len(subject) else "info"
            found.append(self.finding(subject, message, action, rows=repeated, level=level))
        return found


def row_keys(subject: Subject, until: float = float("inf")) -> NDArray[np.uint64] | None:
    """A hash of each row that is the same for rows that are the same; None where there is nothing to compare by."""
    columns = []
    for column in subject.table.columns.values():
        if column.name in subject.identifiers or column.kind in ("mask", "audio", "array", "ignore"):
            continue
        columns.append(column)
    inputs = [column for column in columns if column.name != subject.table.target]
    pictures = [column for column in inputs if column.kind == "image"]
    plain = [column for column in columns if column.kind != "image" or column.name == subject.table.target]
    if not inputs:
        return None
    keys = subject.row_hashes(plain)
    for column in pictures:
        keys = keys * np.uint64(31) + image_hashes(column.values, until)
    return keys


def by_chance(subject: Subject) -> float:
    """How many training rows would be the same as one of another part if columns were independent: few columns with
    few values make rows alike that have nothing to do with each other.
    """
    train, rest = subject.parts.get("train"), [rows for part, rows in subject.parts.items() if part != "train"]
    if train is None or not rest:
        return 0.0
    alike = 1.0
    sample = subject.sample(20_000)
    for column in subject.table.columns.values():
        if column.name not in subject.identifiers and column.kind != "ignore" and column.values.ndim == 1:
            if column.kind in ("image", "mask", "audio"):
                return 0.0
            counts = np.unique(hashes(column.values[sample]), return_counts=True)[1].astype(np.float64)
            alike *= float((counts * (counts - 1)).sum() / max(len(sample) * (len(sample) - 1), 1))
        elif column.values.ndim > 1:
            return 0.0
    return float(len(train) * min(1.0, alike * sum(len(rows) for rows in rest)))


def image_hashes(values: NDArray[Any], until: float = float("inf")) -> NDArray[np.uint64]:
    """A hash of each image's pixels, or of its file's bytes; what cannot be read in time is like nothing."""
    if values.dtype != object:
        return hashes(values)
    found = np.arange(len(values), dtype=np.uint64)
    for place, image in enumerate(values):
        if time.perf_counter() > until:
            break
        digest = _digest(image)
        if digest is not None:
            found[place] = int(digest[:16], 16) | 1 << 63  # never the number of a row
    return found


def _digest(image: Any) -> str | None:
    """SHA-256 of a file, which may have been taken when it was read."""
    if not isinstance(image, ImageFile):
        return None
    try:
        return image.tree.digests.get(image.name) or hashlib.sha256(image.tree.read(image.name)).hexdigest()
    except DataError:
        return None  # another check says so


def across_parts(keys: NDArray[np.uint64], subject: Subject) -> Rows:
    """Rows of test and validation whose like is in a part that comes before theirs in `PARTS`."""
    found = []
    for place, part in enumerate(PARTS[1:], 1):
        rows = subject.parts.get(part)
        earlier = [subject.parts[other] for other in PARTS[:place] if other in subject.parts]
        if rows is not None and earlier:
            found.append(rows[np.isin(keys[rows], keys[np.concatenate(earlier)])])
    return np.sort(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)


def across_training(keys: NDArray[np.uint64], subject: Subject) -> Rows:
    """Rows of training whose like is in another part."""
    rows = subject.parts.get("train", np.zeros(0, dtype=np.int64))
    others = [other for part, other in subject.parts.items() if part != "train"]
    if not others:
        return rows[:0]
    known = np.unique(keys[np.concatenate(others)])

    def among(some: Rows) -> Rows:
        place = np.searchsorted(known, keys[some])
        return np.asarray(some[known[np.minimum(place, len(known) - 1)] == keys[some]])

    return np.concatenate([rows[:0], *map(among, in_pieces(rows))])
