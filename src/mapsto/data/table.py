"""What every source is read into: named, typed columns of equal length.

A table holds raw values, before cleaning, encoding or splitting. Its columns are the common ground between a CSV
file, a folder of images and a pair of arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from mapsto._messages import Message, from_json, say, to_json
from mapsto.data.mapped import taken

Kind = Literal["numeric", "category", "text", "image", "mask", "audio", "array", "date", "ignore"]

BULKY: tuple[Kind, ...] = ("image", "mask", "audio", "array")
"""Kinds whose values are no words or numbers that could be counted, or shown in a row."""
Level = Literal["info", "warning"]
Order = Literal["none", "day_first", "month_first", "unknown", "mixed"]
"""Of days and months in numbers: none are there, which comes first, either may, or the data say both."""

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
PART_NAMES: Mapping[str, Message] = {
    "train": say("train"),
    "validation": say("validation"),
    "test": say("test"),
}
"""The parts, as sentences call them."""


class LazyImage(Protocol):
    """An image that is decoded when asked for, so that a folder larger than memory can be read."""

    @property
    def name(self) -> str:
        """What it is called in messages: the file's path."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels, known without decoding."""

    def decode(self, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """Returns the pixels, `(height, width)` for gray and masks, `(height, width, 3)` for color, resized if asked.

        Raises:
            DataError: the file is not a readable image.
        """
        ...


class LazyAudio(Protocol):
    """A recording that is decoded when asked for."""

    @property
    def name(self) -> str:
        """What it is called in messages: the file's path."""

    @property
    def rate(self) -> int:
        """Samples a second, known without decoding."""

    @property
    def seconds(self) -> float:
        """Its length, known without decoding."""

    def decode(self) -> tuple[NDArray[np.float32], int]:
        """Returns the samples in [-1, 1], shape `(samples,)`, and how many make a second.

        Raises:
            DataError: the file is not a readable recording.
        """
        ...


@dataclass(frozen=True)
class Note:
    """One thing that was noticed in the data, or done to them, in words for the report.

    The message is made by `mapsto._messages.say`, so that a report can say it in another language; a plain string stays
    English.
    `level` is `"info"` for what was done as planned and `"warning"` for what the user should look at. `check` names the
    check of the audit that shall say it again, and `details` is all that it is about, where the message names a few.
    """

    level: Level
    message: str
    column: str | None = None
    check: str | None = None
    details: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """All of it, and under `said` what the message was made from."""
        return {
            **vars(self),
            "message": str(self.message),
            "details": list(self.details),
            "said": to_json(self.message),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Note:
        """The note that `to_json` was called on."""
        values = {name: value for name, value in stored.items() if name not in ("message", "details", "said")}
        message = from_json(stored["message"], stored.get("said"))
        return cls(message=message, details=tuple(stored.get("details", ())), **values)


@dataclass(frozen=True)
class Column:
    """A named column of raw values.

    `values` has one entry a row: float64 with NaN for missing (numeric), object of str or None (category, text),
    uint8 of shape `(rows, height, width[, channels])` or object of `LazyImage` (image, mask),
    object of `LazyAudio` (audio), numbers of any shape `(rows, ...)`, which the user's own network reads as they are
    (array), datetime64[ns] with NaT for missing (date; in rows to predict it may be text).
    `inferred` tells whether the kind was guessed or stated by the user. `date_order` tells how days and months stood
    in the text that dates were read from (see `mapsto.data.dates`), `number_format` how its numbers were written, as an
    example (see `mapsto.data.number_formats`), None where they were plain. `label_separator` is what joins the labels
    of a row in a target that holds several (see `mapsto.data.labels`), None where it holds none beyond doubt.
    """

    name: str
    kind: Kind
    values: NDArray[Any]
    inferred: bool = True
    date_order: Order = "unknown"
    number_format: str | None = None
    label_separator: str | None = None


@dataclass(frozen=True)
class Table:
    """Named columns of equal length, the target among them.

    Attributes:
        name: what the data are called in messages and reports (`"churn.csv"`, `"digits"`).
        columns: by name, in the order of the source.
        target: name of the column to predict; None where a prediction is wanted and no target is there.
        given_parts: one of `PARTS` or `""` a row where the source says which part a row belongs to, else None.
        row_names: what a row is called in messages: a file's name, or the row's number in the source.
        fingerprint: hex digest of the source's content (size and modification time for large folders).
        notes: what was noticed while reading.
    """

    name: str
    columns: dict[str, Column]
    target: str | None
    given_parts: NDArray[np.str_] | None
    row_names: NDArray[Any]
    fingerprint: str
    notes: tuple[Note, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.row_names)

    def of_kind(self, *kinds: Kind) -> list[Column]:
        """The input columns (not the target) of these kinds, in order."""
        return [c for c in self.columns.values() if c.kind in kinds and c.name != self.target]

    def take(self, rows: NDArray[Any]) -> Table:
        """The table of these rows, given as indexes or a mask, in that order."""
        columns = {name: replace(c, values=taken(c.values, rows)) for name, c in self.columns.items()}
        given = None if self.given_parts is None else self.given_parts[rows]
        return replace(self, columns=columns, given_parts=given, row_names=self.row_names[rows])
