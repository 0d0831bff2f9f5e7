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
- numbers as people write them ("$1,234.50", "12,5 %") are numbers, in the form that the column tells;
- numbers stay numbers, however few there are, but for a target: whole numbers are classes where there are two
  of them, or up to `FEW_CLASSES` with ten rows each, or, where the inputs are images or text, up to `MANY_CLASSES`
  with two rows each that follow one another without a gap.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mapsto._messages import Message, listing, say, shortened
from mapsto.data import cells, dates
from mapsto.data.cells import Cells
from mapsto.data.file_columns import file_kind, files_of
from mapsto.data.labels import parts_of, sure_separator
from mapsto.data.number_columns import MOSTLY_NUMBERS, Hint
from mapsto.data.number_formats import NumberFormat
from mapsto.data.table import Column, Kind, Level, Note
from mapsto.errors import DataError

FEW_CLASSES = 20
MANY_CLASSES = 1000
TEXT_WORDS = 6

_UNIQUE_OF_TEXT = 0.5
_ROWS_OF_IDENTIFIER = 10  # in fewer rows anything may be different everywhere
_IDENTIFIER = re.compile(r"(^|[_\W])(id|ID|Id)$|[a-z](ID|Id)$|^Unnamed: \d+$|^index$")
_MAX_REMARKS = 50
_EXAMPLE = 40  # characters of a text that a note shows
_WORDS = ("category", "text", "image", "mask", "audio")

_EMPTY, _CONSTANT, _DIFFERENT, _NUMBERED, _NESTED = (
    say("no value at all"),
    say("the same value in every row"),
    say("a different text in every row, as identifiers have"),
    say("a different whole number in every row and the name of an identifier"),
    say("lists, bytes or other objects that are neither numbers nor text"),
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
        number_formats: how columns write numbers, as the user stated or as training told.
        hint: the decimal mark of the columns that settle theirs, asked for those that do not.
        label_separator: what joins the labels of the target, as the user stated.
        files: a line for each file that a column names, to be part of the fingerprint.
    """

    stated: Mapping[str, Kind]
    known: Mapping[str, Kind]
    target: str | None
    learning: bool
    dense: bool
    folder: Path
    number_formats: Mapping[str, str] = field(default_factory=dict)
    hint: Hint = lambda: None
    label_separator: str | None = None
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
        has_labels = self.label_separator is not None and name == self.target
        stated = "category" if has_labels else self.stated.get(name)
        # Dates to predict from are read as those of training were, which the encoder knows.
        held = self._held(series, as_words=stated in _WORDS or (stated == "date" and not self.learning))
        level: Level = "warning" if held.doubtful else "info"
        self._remarks += [_remark(level, name, remark) for remark in held.remarks]
        if held.doubtful and held.form in ("number", "date"):  # the last remark is the doubtful one
            self._remarks[-1] = replace(self._remarks[-1], check="mixed_types")
        kind = stated or self.known.get(name)
        separator = self.label_separator if has_labels else None
        if kind is None:
            separator = self._separator(name, held)
            kind = "category" if separator else None
        if kind is None:
            kind = self._target_kind(name, held) if name == self.target else self._input_kind(name, held)
        if held.told is not None and kind in _WORDS:
            held = cells.read(series, as_words=True)  # classes keep the names that they have
        if held.told is not None and kind == "numeric" and name not in self.number_formats:
            self._remarks.append(_remark("info", name, held.told.said(name)))
        if held.code is not None and kind in ("category", "text"):
            self._remarks.append(Note("info", _code_said(name, held.code), name))
        if kind == "date":
            held = self._dates(name, held)
        written = held.told and held.told.format
        values = self._values(name, held, kind)
        if separator is not None:
            values = np.where(held.missing, "", values)  # an empty cell is a row without labels
        example = written.example if written else None
        return Column(name, kind, values, name not in self.stated, held.order, example, separator)

    def _held(self, series: pd.Series[Any], *, as_words: bool) -> Cells:
        """The cells, numbers as they are known to be written."""
        name = str(series.name)
        if (example := self.number_formats.get(name)) is not None:
            return cells.read(series, as_words=as_words, number_format=NumberFormat.of(example))
        least = 0.0 if self.stated.get(name) == "numeric" else MOSTLY_NUMBERS
        held = cells.read(series, as_words=as_words, least=least, hint=self.hint)
        if self.learning or held.told is None or held.told.is_plain:
            return held
        # Training read plain numbers: no currency, and thousands where a comma may be either.
        return replace(cells.read(series, number_format=NumberFormat(".")), told=None)

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
                Note(
                    "info",
                    say("{number:,} more remarks of this sort are left out.", number=len(self._remarks) - _MAX_REMARKS),
                )
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

    def _separator(self, name: str, held: Cells) -> str | None:
        """What joins the labels of the target, where it holds several beyond doubt."""
        if name != self.target or held.form not in ("word", "level"):
            return None
        separator = sure_separator(held.values)
        if separator is None:
            return None
        labels = {part for value in pd.unique(held.present) for part in parts_of(str(value), separator)}
        message = say(
            'The target "{name}" holds {labels:,} labels joined by "{separator}", so a row may have several. To take '
            "each combination as a class, set `data.columns.{name}` to category.",
            name=name,
            labels=len(labels),
            separator=separator,
        )
        self._remarks.append(Note("info", message, name))
        return separator

    def _target_kind(self, name: str, held: Cells) -> Kind:
        if held.form == "nested":
            raise DataError(f'The target "{name}" holds {_NESTED}. Choose another column with `--target`.')
        if held.form == "date":
            message = say('The target "{name}" is a date, read in days since 1970.', name=name)
            self._remarks.append(Note("info", message, name))
            return "numeric"
        if held.form != "number":
            return "text" if _is_text(held) else "category"
        if not held.is_whole or not self._are_classes(held):
            return "numeric"
        if held.distinct > 2 and not self.dense:
            message = say(
                'The target "{name}" holds {distinct} different whole numbers, which are taken as classes. To predict '
                "the number itself, set `data.columns.{name}` to numeric.",
                name=name,
                distinct=held.distinct,
            )
            self._remarks.append(Note("info", message, name))
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
        if kind not in ("image", "mask", "audio"):
            return words
        named = files_of(name, words, kind, self.folder)
        self._remarks += named.notes
        self.files += named.lines
        return named.handles

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
            message = say(
                '"{name}" is read as numbers, but has other text as well ({shown}), which is read as missing.',
                name=name,
                shown=listing(f'"{value}"' for value in strange[:5]),
            )
            self._remarks.append(Note("warning", message, name, check="mixed_types"))
        return numbers

    def _dates(self, name: str, held: Cells) -> Cells:
        """The cells as dates, as far as they are without doubt."""
        if held.form == "date" or not self.learning:
            return held
        found = dates.read(held.values, least=0.0) if held.form == "word" else None
        if found is not None and found.share > 0 and found.order not in ("unknown", "mixed"):
            message = say(
                '"{name}" is read as dates, but has other text as well ({shown}), which is read as missing.',
                name=name,
                shown=listing(f'"{text}"' for text in found.strange[:5]),
            )
            self._remarks.append(Note("warning", message, name))
            return replace(held, form="date", values=found.values, order=found.order)
        first = held.present[0] if len(held.present) else ""
        raise DataError(
            f'Column "{name}" is stated to be dates (`data.columns`), but cannot be read so without doubt: its first '
            f'value is "{first}". Write dates as 2024-01-31, with or without a time of day.'
        )


def _is_text(held: Cells) -> bool:
    """Whether it is free text."""
    if held.form != "word" or not len(held.present):
        return False
    return held.mean_words >= TEXT_WORDS and held.distinct > _UNIQUE_OF_TEXT * len(held.present)


def _remark(level: Level, name: str, remark: str) -> Note:
    """What was done to read a column, in words that follow its name."""
    return Note(level, say('"{name}" {remark}.', name=name, remark=remark), name)


def _code_said(name: str, code: str) -> Message:
    is_long = code.lstrip("+-")[:1] != "0"
    return say(
        '"{name}" holds codes such as "{code}", with {why}, and is read as text. If they are numbers, set '
        "`data.columns.{name}` to numeric.",
        name=name,
        code=code,
        why=say("more digits than a number holds exactly" if is_long else "a leading zero"),
    )


def _unused_note(reason: str, names: list[str], examples: Mapping[str, tuple[str, ...]]) -> Note:
    """Why columns are not used; of text, which may hold what could not be read, with examples, to look at."""
    level: Level = "warning" if reason == _DIFFERENT else "info"
    shown = listing(f'"{_cut(text)}"' for text in examples.get(names[0], ()) if reason == _DIFFERENT)
    if len(names) == 1:
        said = say(" ({shown})", shown=shown) if shown else ""
        message = say('"{name}" has {reason}{said}; it is not used.', name=names[0], reason=reason, said=said)
        return Note(level, message, names[0])
    message = say(
        "{columns:,} columns ({listed}) have {reason}{said}; they are not used.",
        columns=len(names),
        listed=shortened([f'"{name}"' for name in names], 5),
        reason=reason,
        said=say(' ("{name}": {shown})', name=names[0], shown=shown) if shown else "",
    )
    return Note(level, message)


def _cut(text: str) -> str:
    return text if len(text) <= _EXAMPLE else f"{text[:_EXAMPLE]}..."
