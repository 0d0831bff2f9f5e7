"""Prepared data: arrays that lie on disk, ready for every trial of a study, and what is known of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypedDict
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from mapsto._files import read_json
from mapsto.data.encoders.base import Encoder, Spec
from mapsto.data.images import png_uri
from mapsto.data.preprocessing import Preprocessing
from mapsto.data.table import PARTS, Note, Part
from mapsto.errors import DataError, RunError

FORMAT = 2
WEIGHTS = "weights"
"""The array that says how much each row counts in the training loss, where `data.weight_column` names one."""

DESCRIPTION, PART_ROWS, EXAMPLES = "prepared.json", "parts.npz", "examples.parquet"


class ColumnFacts(TypedDict):
    """One column of the source: missing values and different values are counted over the rows that are used."""

    name: str
    kind: str
    missing: int
    unique: int | None
    used_as: str


@dataclass(frozen=True)
class Facts:
    """What decides how to train, and what a report says about the data.

    Attributes:
        name: what the data are called.
        task: name of the task.
        target: name of the column to predict.
        num_rows: rows that are used, in all parts.
        part_counts: rows of each part.
        num_classes: None where the target is no class.
        class_names: in the order of the class ids.
        class_counts: training rows of each class or label; training pixels where each pixel has one.
        columns: every column of the source; `used_as` is a stream, `"target"` or `"not used"`, and `unique` is None
            for images.
        input_shape: of one row of the inputs.
        num_features: numbers in one row of the inputs.
        vocabulary_size: ids of words, padding and unknown words included; None where there are no words.
    """

    name: str
    task: str
    target: str
    num_rows: int
    part_counts: dict[Part, int]
    num_classes: int | None
    class_names: tuple[str, ...]
    class_counts: tuple[int, ...]
    columns: tuple[ColumnFacts, ...]
    input_shape: tuple[int, ...]
    num_features: int
    vocabulary_size: int | None

    def to_json(self) -> dict[str, Any]:
        """Every attribute, as JSON has it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Takes what `to_json` gave."""
        values: dict[str, Any] = {n: tuple(item) if isinstance(item, list) else item for n, item in value.items()}
        return cls(**values)


@dataclass(frozen=True)
class Prepared:
    """A data set that is split, encoded and on disk; loading it needs no more of the source.

    Attributes:
        folder: where it lies.
        arrays: by stream, memory-mapped and read-only, with one entry for each row of the table, used or not; with
            `weights`, float32, where rows have some (`data.weight_column`).
        parts: ascending row numbers of each part; a row that could not be used is in none.
        preprocessing: the fitted encoders.
        facts: what is known of the data.
        notes: what was noticed and done, from reading to encoding.
    """

    folder: Path
    arrays: dict[str, NDArray[Any]]
    parts: dict[Part, NDArray[np.int64]]
    preprocessing: Preprocessing
    facts: Facts
    notes: tuple[Note, ...]
    example_columns: tuple[str, ...]

    @property
    def specs(self) -> dict[str, Spec]:
        """What each array holds, by stream."""
        return self.preprocessing.specs

    @property
    def encoders(self) -> Mapping[str, Encoder]:
        """The fitted encoder of each stream."""
        return self.preprocessing.encoders

    def row_name(self, row: int) -> str:
        """What the source calls the row: a file's name, or the row's number."""
        return str(self._examples.column(0)[row].as_py())

    def example(self, row: int) -> dict[str, Any]:
        """One row as a person can look at it.

        Returns:
            `{"kind": "image", "png": data URI}` with the pixels as the network gets them, `{"kind": "text", "text":
            ...}`, or `{"kind": "row", "values": {column: value or None}}` with the raw values of the first columns,
            the target left out.
        """
        inputs = self.encoders["inputs"]
        if inputs.spec.encoder == "image":
            return {"kind": "image", "png": png_uri(self.arrays["inputs"][row])}
        if inputs.spec.encoder == "spectrogram":
            return {"kind": "image", "png": png_uri(_picture(self.arrays["inputs"][row]))}
        values = {
            name: _shown(column[row].as_py())
            for name, column in zip(self.example_columns, self._examples.columns[1:], strict=True)
        }
        if inputs.spec.encoder == "tokens":
            return {"kind": "text", "text": "\n".join(str(values[name] or "") for name in inputs.columns)}
        return {"kind": "row", "values": values}

    def column(self, name: str) -> NDArray[Any]:
        """A raw column of the source, one value a row of the table.

        Raises:
            DataError: it is not kept: those that a person is shown are, the first ones of a table and the texts.
        """
        if name not in self.example_columns:
            raise DataError(
                f'{self.facts.name} keeps no column "{name}" beside its prepared rows. Columns that are kept: '
                f"{', '.join(self.example_columns[:20]) or 'none'}."
            )
        return np.asarray(self._examples.column(1 + self.example_columns.index(name)).to_pylist(), dtype=object)

    @cached_property
    def _examples(self) -> Any:
        import pyarrow.parquet as pq  # only a report asks for examples

        return pq.read_table(self.folder / EXAMPLES)


def _picture(spectrogram: NDArray[Any]) -> NDArray[np.uint8]:
    """A spectrogram `(1, bands, frames)` in grays, high bands at the top, from its faintest to its loudest place."""
    values = spectrogram[0, ::-1].astype(np.float32)
    low, high = float(values.min()), float(values.max())
    return np.asarray(np.rint((values - low) * (255.0 / max(high - low, 1e-6))), dtype=np.uint8)


def _shown(value: str | float | None) -> str | float | None:
    """A raw value as JSON can hold it: whole numbers without a decimal point, infinity as a word."""
    if not isinstance(value, float):
        return value
    return str(value) if math.isinf(value) else int(value) if value.is_integer() else value


def load_prepared(folder: Path) -> Prepared:
    """Opens prepared data, without the source.

    Args:
        folder: the folder that `prepare` made, or one that holds exactly one such folder, as a run's `data/` does.

    Raises:
        RunError: it is not there, is damaged, or was made by another version of mapsto.
    """
    if not (folder / DESCRIPTION).is_file():
        inside = sorted(path.parent for path in folder.glob(f"[!.]*/{DESCRIPTION}"))
        if len(inside) != 1:
            raise RunError(f"{folder} holds no prepared data. Prepare them again from the source.")
        folder = inside[0]
    described = read_json(folder / DESCRIPTION)
    if described.get("format") != FORMAT:
        raise RunError(
            f"{folder} was prepared in format {described.get('format')!r}; this version of mapsto reads format "
            f"{FORMAT}. Remove the folder, and the data are prepared again."
        )
    try:
        return _opened(folder, described)
    except (OSError, EOFError, BadZipFile, KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{folder} is damaged ({error}). Remove the folder, and the data are prepared again from the source."
        ) from error


def _opened(folder: Path, described: Mapping[str, Any]) -> Prepared:
    preprocessing = Preprocessing.from_json(described["preprocessing"])
    arrays: dict[str, NDArray[Any]] = {}
    for stream, spec in preprocessing.specs.items():
        arrays[stream] = np.load(folder / f"{stream}.npy", mmap_mode="r", allow_pickle=False)
        expected = (described["rows"], *spec.shape)
        if arrays[stream].shape != expected or arrays[stream].dtype != spec.dtype:
            raise ValueError(f"{stream}.npy holds {arrays[stream].shape}, not {expected}")
    if preprocessing.options.weight_column is not None:
        arrays[WEIGHTS] = np.load(folder / f"{WEIGHTS}.npy", mmap_mode="r", allow_pickle=False)
        if arrays[WEIGHTS].shape != (described["rows"],):
            raise ValueError(f"{WEIGHTS}.npy holds {arrays[WEIGHTS].shape}, not ({described['rows']},)")
    with np.load(folder / PART_ROWS, allow_pickle=False) as saved:
        parts: dict[Part, NDArray[np.int64]] = {part: saved[part] for part in PARTS}
    return Prepared(
        folder=folder,
        arrays=arrays,
        parts=parts,
        preprocessing=preprocessing,
        facts=Facts.from_json(described["facts"]),
        notes=tuple(Note.from_json(note) for note in described["notes"]),
        example_columns=tuple(described["example_columns"]),
    )
