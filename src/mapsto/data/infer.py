"""What each column holds: the rules by which a kind is guessed, and every guess said in a note.

The rules, in the order in which they are tried:

- what `data.columns` states holds, and what the source knows;
- an input column that is empty, constant, or an identifier (text that is different in every row; whole numbers that
  are, in a column called id or ..._id) is not used;
- text that names files of images or recordings, which are there, is a column of these;
- other text is a number where it reads as one and holds no codes ("01"; whole numbers that float64 does not hold
  exactly, which are text even where they come as integers), free text where it is mostly different and at least
  `TEXT_WORDS` words long on average, and a category otherwise; booleans are categories;
- text that holds dates in one clear form is a date, and so is what a frame declares to be one;
- numbers stay numbers, however few there are, but for a target: whole numbers are classes where there are two
  of them, or up to `FEW_CLASSES` with ten rows each, or, where the inputs are images or text, up to `MANY_CLASSES`
  with two rows each that follow one another without a gap.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto.data import audio, cells, dates, images
from mapsto.data.cells import Cells
from mapsto.data.table import Column, Kind, Note
from mapsto.data.trees import FolderTree, is_inside
from mapsto.errors import DataError

FEW_CLASSES = 20
MANY_CLASSES = 1000
TEXT_WORDS = 6

_UNIQUE_OF_TEXT = 0.5
_ROWS_OF_IDENTIFIER = 10  # in fewer rows anything may be different everywhere
_IDENTIFIER = re.compile(r"(^|[_\W])(id|ID|Id)$|[a-z](ID|Id)$|^Unnamed: \d+$|^index$")
_MAX_REMARKS = 50
_FILES_LOOKED_FOR = 20
_EXAMPLE = 40  # characters of a text that a note shows
_WORDS = ("category", "text", "image", "mask", "audio")

_EMPTY, _CONSTANT, _DIFFERENT, _NUMBERED, _NESTED = (
    "no value at all",
    "the same value in every row",
    "a different text in every row, as identifiers have",
    "a different whole number in every row and the name of an identifier",
    "lists, bytes or other objects that are neither numbers nor text",
)


@dataclass
class Inference:
    """Types one column after another, and remembers what to say about them.

    Attributes:
        stated: kinds that the user stated.
        known: kinds that the source knows.
        target: name of the target, which is never put aside.
        learning: whether useless columns are put aside; to predict, columns are only read.
        dense: whether the inputs are images or text, whose classes may be many.
        folder: where file names in columns of kind image, mask or audio start.
        files: a line for each file that a column names, to be part of the fingerprint.
    """

    stated: Mapping[str, Kind]
    known: Mapping[str, Kind]
    target: str | None
    learning: bool
    dense: bool
    folder: Path
    files: list[str] = field(default_factory=list)
    _remarks: list[Note] = field(default_factory=list)
    _unused: dict[str, list[str]] = field(default_factory=dict)
    _examples: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def column(self, series: pd.Series[Any]) -> Column:
        """Types one column of a frame.

        Raises:
            DataError: it cannot be read as the kind that was stated.
        """
        name = str(series.name)
        stated = self.stated.get(name)
        # Dates to predict from are read as those of training were, which the encoder knows.
        held = cells.read(series, as_words=stated in _WORDS or (stated == "date" and not self.learning))
        level = "warning" if held.doubtful else "info"
        self._remarks += [Note(level, f'"{name}" {remark}.', name) for remark in held.remarks]  # type: ignore[arg-type]
        if held.doubtful and held.form in ("number", "date"):  # the last remark is the doubtful one
            self._remarks[-1] = replace(self._remarks[-1], check="mixed_types")
        kind = self.stated.get(name) or self.known.get(name)
        if kind is None:
            kind = self._target_kind(name, held) if name == self.target else self._input_kind(name, held)
        if held.code is not None and kind in ("category", "text"):
            self._remarks.append(Note("info", _code_said(name, held.code), name))
        if kind == "date":
            held = self._dates(name, held)
        return Column(name, kind, self._values(name, held, kind), name not in self.stated, held.order)

    def aside(self, series: pd.Series[Any]) -> Column:
        """A column that is not an input, such as the one that names the parts."""
        return Column(str(series.name), "ignore", cells.read(series).values)

    def restated(self, column: Column) -> Column:
        """A column that the source finished, under the kind that the user stated.

        Raises:
            DataError: images cannot be read as anything else.
        """
        kind = self.stated.get(column.name, column.kind)
        if kind not in (column.kind, "ignore"):
            raise DataError(
                f'Column "{column.name}" holds {column.kind}s and cannot be read as {kind} (`data.columns`).'
            )
        return replace(column, kind=kind, inferred=column.name not in self.stated)

    def notes(self) -> list[Note]:
        """What was noticed in all columns; columns put aside for the same reason share a note."""
        remarks = self._remarks[:_MAX_REMARKS]
        if len(self._remarks) > _MAX_REMARKS:
            remarks.append(
                Note("info", f"{len(self._remarks) - _MAX_REMARKS:,} more remarks of this sort are left out.")
            )
        return remarks + [_unused_note(reason, names, self._examples) for reason, names in self._unused.items()]

    def _input_kind(self, name: str, held: Cells) -> Kind:
        if held.form == "word" and (of_files := file_kind(held.present, self.folder)):
            return of_files
        reason = self._useless(name, held)
        if reason is not None:
            self._unused.setdefault(reason, []).append(name)
            self._examples[name] = tuple(str(value) for value in held.present[:3]) if held.form == "word" else ()
            return "ignore"
        if held.form == "number":
            return "numeric"
        if held.form == "date":
            return "date"
        return "text" if _is_text(held) else "category"

    def _useless(self, name: str, held: Cells) -> str | None:
        """Why an input column is not used, if it is not."""
        if held.form == "nested":
            return _NESTED
        if not self.learning:
            return None
        if not len(held.present):
            return _EMPTY
        if held.is_constant:
            return _CONSTANT
        if len(held.values) < _ROWS_OF_IDENTIFIER:
            return None
        if held.form == "number":
            named = _IDENTIFIER.search(name) and held.is_whole and held.distinct == len(held.values)
            return _NUMBERED if named else None
        is_different = held.form == "word" and held.distinct == len(held.present) > 1
        return _DIFFERENT if is_different and not _is_text(held) else None

    def _target_kind(self, name: str, held: Cells) -> Kind:
        if held.form == "nested":
            raise DataError(f'The target "{name}" holds {_NESTED}. Choose another column with `--target`.')
        if held.form == "date":
            self._remarks.append(Note("info", f'The target "{name}" is a date, read in days since 1970.', name))
            return "numeric"
        if held.form != "number":
            return "text" if _is_text(held) else "category"
        if not held.is_whole or not self._are_classes(held):
            return "numeric"
        if held.distinct > 2 and not self.dense:
            message = f'The target "{name}" holds {held.distinct} different whole numbers, which are taken as classes.'
            hint = f"To predict the number itself, set `data.columns.{name}` to numeric."
            self._remarks.append(Note("info", f"{message} {hint}", name))
        return "category"

    def _are_classes(self, held: Cells) -> bool:
        """Whether whole numbers are class ids (see the rules above)."""
        count, rows = held.distinct, len(held.present)
        if count == 2 or (count <= FEW_CLASSES and rows >= 10 * count):
            return True
        follow = count > 0 and held.present.max() - held.present.min() == count - 1 and held.present.min() in (0, 1)
        return self.dense and bool(follow) and count <= MANY_CLASSES and rows >= 2 * count

    def _values(self, name: str, held: Cells, kind: Kind) -> NDArray[Any]:
        if kind == "ignore":
            return held.values
        if held.form == "nested":
            raise DataError(f'Column "{name}" holds {_NESTED} and cannot be read as {kind} (`data.columns`).')
        if kind == "numeric":
            return self._numbers(name, held)
        if kind == "date":
            return held.values
        words = cells.to_words(held.values)
        return self._files(name, words, kind) if kind in ("image", "mask", "audio") else words

    def _numbers(self, name: str, held: Cells) -> NDArray[Any]:
        if held.form == "number":
            return held.values
        if held.form == "date":
            return dates.as_days(held.values)
        numbers, strange = cells.to_numbers(held.values)
        if strange and self.learning and np.isnan(numbers).all():
            raise DataError(
                f'Column "{name}" is stated to be numeric, but holds no number: its first is "{strange[0]}".'
            )
        if strange:
            shown = ", ".join(f'"{value}"' for value in strange[:5])
            message = f'"{name}" is read as numbers, but has other text as well ({shown}), which is read as missing.'
            self._remarks.append(Note("warning", message, name, check="mixed_types"))
        return numbers

    def _dates(self, name: str, held: Cells) -> Cells:
        """The cells as dates, as far as they are without doubt."""
        if held.form == "date" or not self.learning:
            return held
        found = dates.read(held.values, least=0.0) if held.form == "word" else None
        if found is not None and found.share > 0 and found.order not in ("unknown", "mixed"):
            shown = ", ".join(f'"{text}"' for text in found.strange[:5])
            message = f'"{name}" is read as dates, but has other text as well ({shown}), which is read as missing.'
            self._remarks.append(Note("warning", message, name))
            return replace(held, form="date", values=found.values, order=found.order)
        first = held.present[0] if len(held.present) else ""
        raise DataError(
            f'Column "{name}" is stated to be dates (`data.columns`), but cannot be read so without doubt: its first '
            f'value is "{first}". Write dates as 2024-01-31, with or without a time of day.'
        )

    def _files(self, name: str, words: NDArray[Any], kind: Kind) -> NDArray[Any]:
        """Handles to the images or recordings whose files a column names; None where there is none, or a broken one."""
        tree = FolderTree(self.folder, only=())
        rows = np.flatnonzero(~np.asarray(pd.isna(words), dtype=bool))
        paths = [str(words[row]) for row in rows]
        inside = [path for path in paths if is_inside(path)]
        looked = audio.look(tree, inside) if kind == "audio" else images.look(tree, inside, mask=kind == "mask")
        handles = iter(looked)
        found = [next(handles) if is_inside(path) else _leads_out(path, self.folder) for path in paths]
        where, what = f'column "{name}"', "recordings" if kind == "audio" else "images"
        whole, notes = images.without_broken(where, found, what)
        notes += audio.silence_notes(where, looked) if kind == "audio" else []
        self._remarks += [replace(note, column=name) for note in notes]
        values = np.empty(len(words), dtype=object)
        for row, handle, good in zip(rows, found, whole, strict=True):
            if good and not isinstance(handle, DataError):
                values[row] = handle
                status = (self.folder / handle.name).stat()
                self.files.append(f"{handle.name} {status.st_size} {status.st_mtime_ns}")
        return values


def file_kind(texts: NDArray[Any], folder: Path) -> Literal["image", "audio"] | None:
    """Whether texts name files of images or of recordings: all by their suffix, and some of them are there.

    Args:
        texts: those that are there, object of str.
        folder: where relative paths start.
    """
    if not len(texts):
        return None
    for kind, is_such in (("image", images.is_image), ("audio", audio.is_audio)):
        if all(isinstance(text, str) and is_such(text) for text in texts):
            sample = texts[:: max(1, len(texts) // _FILES_LOOKED_FOR)]
            there = any(_is_file(folder, path) for path in sample if is_inside(path))
            return kind if there else None  # type: ignore[return-value]
    return None


def _is_file(folder: Path, path: str) -> bool:
    try:
        return (folder / path).is_file()
    except (OSError, ValueError):  # a name too long, or with a zero byte in it
        return False


def _leads_out(path: str, folder: Path) -> DataError:
    return DataError(f"{path} leads out of {folder}, where the table lies. Give its absolute path.")


def _is_text(held: Cells) -> bool:
    """Whether it is free text."""
    if held.form != "word" or not len(held.present):
        return False
    return held.mean_words >= TEXT_WORDS and held.distinct > _UNIQUE_OF_TEXT * len(held.present)


def _code_said(name: str, code: str) -> str:
    why = "more digits than a number holds exactly" if code.lstrip("+-")[:1] != "0" else "a leading zero"
    hint = f"If they are numbers, set `data.columns.{name}` to numeric."
    return f'"{name}" holds codes such as "{code}", with {why}, and is read as text. {hint}'


def _unused_note(reason: str, names: list[str], examples: Mapping[str, tuple[str, ...]]) -> Note:
    """Why columns are not used; of text, which may hold what could not be read, with examples, to look at."""
    level: Literal["info", "warning"] = "warning" if reason == _DIFFERENT else "info"
    shown = ", ".join(f'"{_cut(text)}"' for text in examples.get(names[0], ())) if reason == _DIFFERENT else ""
    if len(names) == 1:
        said = f" ({shown})" if shown else ""
        return Note(level, f'"{names[0]}" has {reason}{said}; it is not used.', names[0])
    listed = ", ".join(f'"{name}"' for name in names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
    said = f' ("{names[0]}": {shown})' if shown else ""
    return Note(level, f"{len(names):,} columns ({listed}) have {reason}{said}; they are not used.")


def _cut(text: str) -> str:
    return text if len(text) <= _EXAMPLE else f"{text[:_EXAMPLE]}..."
