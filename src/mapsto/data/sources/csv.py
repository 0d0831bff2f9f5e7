"""Tables in text files: comma-, semicolon-, tab- or bar-separated."""

from __future__ import annotations

import codecs
import csv
import io
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from mapsto.data import fingerprint
from mapsto.data.cells import is_code
from mapsto.data.frames import check_names, table_of, table_of_pieces
from mapsto.data.images import is_image
from mapsto.data.sources._encodings import LEGACY, as_utf8, check_text, legacy, legacy_note
from mapsto.data.sources._files import DAMAGES, OPENERS
from mapsto.data.sources.base import Source
from mapsto.data.spool import Frames
from mapsto.data.table import Note
from mapsto.data.trees import ZipTree
from mapsto.errors import DataError
from mapsto.recipe.sizes import parse_size

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

MAX_BYTES = 64 * 2**30
"""A text larger than this, uncompressed, is refused."""

_TEXT = (".csv", ".tsv", ".tab", ".txt")
_COMPRESSED = (".gz", ".bz2", ".xz", ".zip")
_SEPARATORS = (",", ";", "\t", "|")
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_LOOKED_AT = 8 * 2**20  # bytes from which separator and header are told
_PIECE = 16 * 2**20
_SHARE = 8  # pandas takes several times the size of the text, and so does what it is made into
_RECORDS = 20
_PIECE = 1 << 24
_CODES_LOOKED_FOR = 100_000  # rows of a large file
_BEFORE_FIELD = np.zeros(256, dtype=np.bool_)
_BEFORE_FIELD[list(b',;|\t\n\r"')] = True
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+")
_POINT_NUMBER = re.compile(r"[+-]?\d+\.\d+")


@dataclass(frozen=True)
class _Form:
    """How a text is written: what parts the fields, what the decimal point is, and the columns' names.

    `named` tells whether the first line holds the names, or is a row like the others.
    """

    separator: str
    decimal: str
    names: list[str]
    named: bool


class CSV(Source):
    """A text file with one row a line and names in the first; rows are numbered from 1, without the names.

    The separator is told from the first lines, and is a tab in a `.tsv` file; `"1,5"` is a number where the separator
    is not a comma. The encoding is UTF-8, with or without a byte-order mark, UTF-16 with one, and GB18030 or
    Windows-1252 where the bytes are no UTF-8. Blanks around fields are dropped. Codes such as "01" stay text. A text
    that is larger than an eighth of `data.memory` is read piece by piece.
    """

    reads: ClassVar[str] = "CSV and other separated text (.csv, .tsv, .txt; also .gz, .bz2, .xz, .zip of such)"

    def accepts(self, source: Any) -> bool:
        if not isinstance(source, Path):
            return False
        suffix = source.suffix.lower()
        if suffix in _TEXT:
            return True
        inner = Path(source.stem).suffix.lower()
        if suffix != ".zip" or inner in _TEXT:
            return suffix in _COMPRESSED and (inner in _TEXT or inner == "")
        members = ZipTree(source).paths
        return any(path.lower().endswith(_TEXT) for path in members) and not any(map(is_image, members))

    def read(self, source: Path, options: DataOptions, *, target_needed: bool) -> Table:
        if source.is_dir():
            raise DataError(f"{source} is a folder, not a text file. Name one of the files in it.")
        memory = parse_size(options.memory)
        start = _content(source, min(memory // _SHARE, MAX_BYTES))
        if len(start) > memory // _SHARE:
            return _streamed(source, start, options, target_needed)
        data, notes = as_utf8(start, source)
        form = _form(data, source)
        check_names(form.names, source.name)
        frame = _frame(data, form, source, options)
        if frame.empty:
            shown = ", ".join(form.names[:10])
            raise DataError(f"{source} has a header ({shown}) but no rows. Is it the right file?")
        return table_of(
            frame,
            name=source.name,
            options=options,
            target_needed=target_needed,
            row_names=np.arange(1, len(frame) + 1),
            digest=fingerprint.of_file(source),
            notes=[*notes, *_form_notes(form, source)],
            folder=source.parent,
        )


def _content(path: Path, most: int) -> bytes:
    """All bytes of the file, decompressed; if there are more than `most`, so many and one."""
    try:
        with _opened(path) as file:
            data = file.read(most + 1)
    except DAMAGES as error:
        raise DataError(_damaged(path, error)) from error
    if len(data) > MAX_BYTES:
        raise DataError(
            f"{path} has more than {MAX_BYTES // 2**30} GiB of text. Convert it to Parquet, or take a part of it."
        )
    return data


def _streamed(path: Path, start: bytes, options: DataOptions, target_needed: bool) -> Table:
    """A text that is too large for memory, read piece by piece."""
    check_text(start, path)
    notes: list[Note] = []
    is_wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encodings = ["utf-16"] if is_wide else list(dict.fromkeys(["utf-8-sig", legacy(start), "latin-1"]))
    for encoding in encodings:
        notes = [legacy_note(path, encoding)] if encoding in LEGACY else []
        head = codecs.decode(start[:_LOOKED_AT], encoding, errors="ignore").encode()
        form = _form(head, path)
        check_names(form.names, path.name)
        try:
            words = {name for name, kind in options.columns.items() if kind in ("category", "text")}
            frames = _pieces(path, form, encoding, start, words, options)
            if mixed := frames.mixed():  # text in some pieces: as text, "01" stays what it is in all
                frames = _pieces(path, form, encoding, start, words | mixed, options)
        except UnicodeDecodeError as error:
            if encoding == encodings[-1]:
                raise DataError(f"{path} is damaged: {error}. Save it as UTF-8.") from error
            continue
        break
    return table_of_pieces(
        frames,
        name=path.name,
        options=options,
        target_needed=target_needed,
        digest=fingerprint.of_file(path),
        notes=[*notes, *_form_notes(form, path)],
        folder=path.parent,
    )


def _pieces(path: Path, form: _Form, encoding: str, start: bytes, words: set[str], options: DataOptions) -> Frames:
    """All rows; columns of `words` as text."""
    limit = parse_size(options.memory) // _SHARE
    row = len(start) / max(1, start.count(b"\n") + start.count(b"\r"))
    rows = max(100, int(min(limit // 4, _PIECE) / row))
    frames = Frames(limit)
    try:
        with _opened(path) as file, warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            names = [name for name in form.names if options.columns.get(name) != "numeric"]
            kept = _arguments(form, names)
            words = words | _of_codes(pd.read_csv(file, nrows=_CODES_LOOKED_FOR, encoding=encoding, **kept)[names])
        with _opened(path) as file, warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            reading = _arguments(form, words)
            for piece in pd.read_csv(file, chunksize=rows, encoding=encoding, **reading):
                frames.append(piece)
    except DAMAGES as error:
        raise DataError(_damaged(path, error)) from error
    except pd.errors.ParserWarning as error:
        raise DataError(f"{path} has rows with more fields than the {len(form.names)} names of its header.") from error
    except UnicodeDecodeError:
        raise
    except (pd.errors.ParserError, ValueError, OverflowError) as error:
        raise DataError(_parser_message(path, form, str(error).strip())) from error
    return frames


def _arguments(form: _Form, words: Iterable[str]) -> dict[str, Any]:
    """How pandas is to read the text."""
    return {
        "sep": form.separator,
        "decimal": form.decimal,
        "header": 0 if form.named else None,
        "names": form.names,
        "index_col": False,
        "dtype": dict.fromkeys(words, str),
        "skipinitialspace": True,
        "low_memory": False,
    }


def _damaged(path: Path, error: BaseException) -> str:
    return (
        f"{path} cannot be read ({str(error).rstrip('.')}). If it was downloaded or copied, it is probably not whole: "
        f"fetch it again."
    )


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    suffix = path.suffix.lower()
    if suffix == ".zip":
        tables = [member for member in ZipTree(path).paths if member.lower().endswith(_TEXT)]
        if len(tables) != 1:
            raise DataError(
                f"{path} must hold one text table, but holds {len(tables)}: {', '.join(tables[:5]) or 'none'}."
            )
        with zipfile.ZipFile(path) as archive, archive.open(tables[0]) as member:
            yield member
    else:
        with OPENERS.get(suffix, open)(path, "rb") as file:
            yield file


def _form(data: bytes, path: Path) -> _Form:
    """Tells from its beginning how the text is written."""
    text = data[:_LOOKED_AT].decode("utf-8", errors="ignore")  # the last character may be cut off
    if len(data) > _LOOKED_AT and "\n" not in text and "\r" not in text:
        raise DataError(f"The first line of {path} is longer than {_LOOKED_AT // 2**20} MiB. A table has a row a line.")
    found = {separator: _records(text, separator, path) for separator in _SEPARATORS}
    separator = max(_SEPARATORS, key=lambda separator: _regularity(found[separator]))
    if {suffix.lower() for suffix in path.suffixes[-2:]} & {".tsv", ".tab"} and len(found["\t"][0]) > 1:
        separator = "\t"  # the name says so
    first, *rows = found[separator]
    fields = [field for row in rows for field in row]
    commas = separator != "," and any(map(_COMMA_NUMBER.fullmatch, fields))
    decimal = "," if commas and not any(map(_POINT_NUMBER.fullmatch, fields)) else "."
    if _is_row(first):
        return _Form(separator, decimal, [f"column {number}" for number in range(1, len(first) + 1)], False)
    return _Form(separator, decimal, _names(first, rows), True)


def _records(text: str, separator: str, path: Path) -> list[list[str]]:
    """The first lines as fields, blank lines left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    records: list[list[str]] = []
    try:
        for record in reader:
            if len(record) > 1 or "".join(record).strip():
                records.append([field.strip() for field in record])
            if len(records) > _RECORDS:
                break
    except csv.Error as error:
        if not records:  # a later line may hold a text longer than this reader takes; pandas takes it
            raise DataError(f"{path} cannot be read as separated text: {error} in line {reader.line_num}.") from error
    return records


def _regularity(records: list[list[str]]) -> tuple[float, int]:
    """How well a separator fits: the share of lines with as many fields as the first, then their number."""
    width = len(records[0])
    return (sum(len(record) == width for record in records) / len(records), width) if width > 1 else (0.0, 1)


def _is_row(first: list[str]) -> bool:
    """Whether the first line holds numbers instead of names; 0, 1, 2, ... are the names of a frame without any."""
    if not all(map(_NUMBER.fullmatch, first)):
        return False
    numbers = [float(field) for field in first]
    return numbers != [numbers[0] + step for step in range(len(numbers))] or not numbers[0].is_integer()


def _names(first: list[str], rows: list[list[str]]) -> list[str]:
    """The names in the header, and others for columns that it does not name."""
    names = [name or f"Unnamed: {place}" for place, name in enumerate(first)]
    longer = [row for row in rows if len(row) > len(names)]
    if (
        rows
        and len(longer) == len(rows)
        and all(len(row) == len(names) + 1 for row in rows)
        and any(row[-1] for row in rows)
    ):
        return ["Unnamed: 0", *first]  # R writes rows' names in a column without one
    width = max((len(row) for row in longer if not any(row[len(names) :])), default=len(names))
    return names + [f"Unnamed: {place}" for place in range(len(names), width)]


def _frame(data: bytes, form: _Form, path: Path, options: DataOptions) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # it tells of fields that would be lost
            words = [name for name, kind in options.columns.items() if kind in ("category", "text")]
            frame: pd.DataFrame = pd.read_csv(io.BytesIO(data), **_arguments(form, words))
            stated = {name for name, kind in options.columns.items() if kind == "numeric"}
            names = [str(name) for name, series in frame.items() if str(name) not in stated and _is_whole(series)]
            # pandas reads "01" as 1, and whole numbers with missing ones among them as float64.
            if not _has_leading_zero(data):
                names = [name for name in names if _is_inexact(frame[name])]
            if not names:
                return frame
            written = pd.read_csv(io.BytesIO(data), usecols=names, **_arguments(form, names))
            return frame.assign(**{name: written[name] for name in _of_codes(written)})
    except pd.errors.ParserWarning as error:
        raise DataError(f"{path} has rows with more fields than the {len(form.names)} names of its header.") from error
    except (pd.errors.ParserError, ValueError, OverflowError) as error:
        raise DataError(_parser_message(path, form, str(error).strip())) from error


def _has_leading_zero(data: bytes) -> bool:
    """Whether a field begins with 0 and another digit."""
    for start in range(0, len(data), _PIECE):
        piece = np.frombuffer(data, dtype=np.uint8, offset=start, count=min(_PIECE + 2, len(data) - start))
        is_digit = (piece[2:] >= ord("0")) & (piece[2:] <= ord("9"))
        if bool((is_digit & (piece[1:-1] == ord("0")) & _BEFORE_FIELD[piece[:-2]]).any()):
            return True
    return False


def _is_inexact(series: pd.Series) -> bool:
    """Whether float64 was too short for its whole numbers."""
    return series.dtype.kind == "f" and bool((series.abs() >= 2.0**53).any())


def _is_whole(series: pd.Series) -> bool:
    """Whether it holds whole numbers alone: what codes, and numbers too long for a float, are read as."""
    if series.dtype.kind in "iu":
        return True
    return series.dtype.kind == "f" and bool((series.dropna() % 1 == 0).all())


def _of_codes(written: pd.DataFrame) -> set[str]:
    """Columns of text in which a cell is a code."""
    return {
        str(name)
        for name, series in written.items()
        if any(is_code(text.strip()) for text in series.dropna().unique().tolist())
    }


def _parser_message(path: Path, form: _Form, text: str) -> str:
    ragged = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", text)
    if ragged:
        expected, line, saw = ragged.groups()
        return (
            f"Line {line} of {path} has {saw} fields, but {expected} are expected (separated by "
            f"{_NAMES[form.separator]}). Put quotes around fields that hold the separator, or mend the line."
        )
    if "EOF inside string" in text:
        return f"{path} opens a quote that is never closed. It may be cut off, or hold a quote within a text."
    return f"{path} cannot be read as separated text ({text.rstrip('.')})."


def _form_notes(form: _Form, path: Path) -> list[Note]:
    notes = []
    if form.separator != ",":
        numbers = ", and numbers have decimal commas" if form.decimal == "," else ""
        notes.append(Note("info", f"The fields of {path.name} are separated by {_NAMES[form.separator]}{numbers}."))
    if not form.named:
        message = f"The first line of {path.name} holds numbers and was read as a row."
        notes.append(Note("warning", f'{message} The columns are called "column 1", "column 2" and so on.'))
    elif any(map(_POINT_NUMBER.fullmatch, form.names)):
        shown = next(name for name in form.names if _POINT_NUMBER.fullmatch(name))
        message = f'The first line of {path.name} was read as names, but holds "{shown}".'
        notes.append(Note("warning", f"{message} If it is a row of data, put a line of names above it."))
    return notes
