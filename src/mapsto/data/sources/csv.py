"""Tables in text files: comma-, semicolon-, tab- or bar-separated."""

from __future__ import annotations

import codecs
import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from mapsto.data import fingerprint
from mapsto.data.cell_texts import is_code
from mapsto.data.frames import check_names, table_of, table_of_pieces
from mapsto.data.images import is_image
from mapsto.data.number_columns import different_texts, looks_written, mark_of, may_be_thousands, texts_of
from mapsto.data.number_formats import Mark
from mapsto.data.sources._encodings import LEGACY, as_utf8, check_text, legacy, legacy_note
from mapsto.data.sources._files import DAMAGES, OPENERS
from mapsto.data.sources._text_form import LOOKED_AT, NAMES, Form, form_of
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
_SHARE = 8  # pandas takes several times the size of the text, and so does what it is made into
_PIECE = 1 << 24
_HEAD = 1000  # rows that tell the decimal mark
_CODES_LOOKED_FOR = 100_000  # rows of a large file
_BEFORE_FIELD = np.zeros(256, dtype=np.bool_)
_BEFORE_FIELD[list(b',;|\t\n\r"')] = True


class CSV(Source):
    """A text file with one row a line and names in the first; rows are numbered from 1, without the names.

    The separator is told from the first lines, and is a tab in a `.tsv` file. Comments and titles above the names are
    passed over. The encoding is UTF-8, with or without a byte-order mark, UTF-16 with one, and GB18030 or
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
        form = form_of(data, source)
        check_names(form.names, source.name)
        frame, mark = _frame(data, form, source, options)
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
            notes=[*notes, *form.notes(source)],
            folder=source.parent,
            mark=mark,
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
        head = codecs.decode(start[:LOOKED_AT], encoding, errors="ignore").encode()
        form = form_of(head, path)
        check_names(form.names, path.name)
        try:
            words = _words(options)
            frames, mark = _pieces(path, form, encoding, start, words, options)
            if mixed := frames.mixed():  # text in some pieces: as text, "01" stays what it is in all
                frames, mark = _pieces(path, form, encoding, start, words | mixed, options)
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
        notes=[*notes, *form.notes(path)],
        folder=path.parent,
        mark=mark,
    )


def _pieces(
    path: Path, form: Form, encoding: str, start: bytes, words: set[str], options: DataOptions
) -> tuple[Frames, Mark | None]:
    """All rows, columns of `words` as text, and the decimal mark of the file's numbers."""
    limit = parse_size(options.memory) // _SHARE
    row = len(start) / max(1, start.count(b"\n") + start.count(b"\r"))
    rows = max(100, int(min(limit // 4, _PIECE) / row))
    frames = Frames(limit)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            mark, of_text = _looked_into(path, form, encoding, rows, options)
            words = words | of_text
            with _opened(path) as file:
                for piece in pd.read_csv(file, chunksize=rows, encoding=encoding, **form.arguments(words)):
                    frames.append(piece)
    except DAMAGES as error:
        raise DataError(_damaged(path, error)) from error
    except pd.errors.ParserWarning as error:
        raise DataError(f"{path} has rows with more fields than the {len(form.names)} names of its header.") from error
    except UnicodeDecodeError:
        raise
    except (pd.errors.ParserError, ValueError, OverflowError) as error:
        raise DataError(_parser_message(path, form, str(error).strip())) from error
    return frames, mark


def _looked_into(
    path: Path, form: Form, encoding: str, rows: int, options: DataOptions
) -> tuple[Mark | None, set[str]]:
    """The decimal mark of the file's numbers, and columns that pandas would take for numbers but are to be text.

    Text takes many times the memory of numbers, so no more rows are looked at together than are read together, and of
    columns of whole numbers alone.
    """
    with _opened(path) as file:
        head = pd.read_csv(file, nrows=min(rows, _HEAD), encoding=encoding, **form.arguments(form.names))
    mark, found = _thousands(head)
    with _opened(path) as file:
        first = pd.read_csv(file, nrows=rows, encoding=encoding, **form.arguments([]))
    stated = {name for name, kind in options.columns.items() if kind == "numeric"}
    names = [str(name) for name, series in first.items() if str(name) not in stated and _is_whole(series)]
    del head, first
    if not names:
        return mark, found
    arguments = {"usecols": names, "nrows": _CODES_LOOKED_FOR, "chunksize": rows, **form.arguments(names)}
    with _opened(path) as file, pd.read_csv(file, encoding=encoding, **arguments) as pieces:
        for piece in pieces:
            found |= _of_codes(piece[names])
            names = [name for name in names if name not in found]
            if not names:
                break
    return mark, found


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


def _frame(data: bytes, form: Form, path: Path, options: DataOptions) -> tuple[pd.DataFrame, Mark | None]:
    """All rows, and the decimal mark of the file's numbers where some need it to be told."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # it tells of fields that would be lost
            words = _words(options)
            frame: pd.DataFrame = pd.read_csv(io.BytesIO(data), **form.arguments(words))
            stated = {name for name, kind in options.columns.items() if kind == "numeric"}
            names = [str(name) for name, series in frame.items() if str(name) not in stated and _is_whole(series)]
            # pandas reads "01" as 1, and whole numbers with missing ones among them as float64.
            if not _has_leading_zero(data):
                names = [name for name in names if _is_inexact(frame[name])]
            mark, of_thousands = None, set[str]()
            if any(looks_written(texts) for texts in texts_of(frame)):
                head = pd.read_csv(io.BytesIO(data), nrows=_HEAD, **form.arguments(form.names))
                mark, of_thousands = _thousands(head)
            if not names and not of_thousands:
                return frame, mark
            kept = [*names, *(of_thousands - {*names})]
            written = pd.read_csv(io.BytesIO(data), usecols=kept, **form.arguments(kept))
            put = of_thousands | _of_codes(written[names])
            return frame.assign(**{name: written[name] for name in put}), mark
    except pd.errors.ParserWarning as error:
        raise DataError(f"{path} has rows with more fields than the {len(form.names)} names of its header.") from error
    except (pd.errors.ParserError, ValueError, OverflowError) as error:
        raise DataError(_parser_message(path, form, str(error).strip())) from error


def _words(options: DataOptions) -> set[str]:
    """Columns to be read as text: what they hold was stated, or told in training."""
    return {name for name, kind in options.columns.items() if kind in ("category", "text")} | {*options.number_formats}


def _thousands(head: pd.DataFrame) -> tuple[Mark | None, set[str]]:
    """The decimal mark that columns of text tell, and columns whose points part thousands if it is a comma."""
    texts = {str(name): different_texts(column.head(_HEAD).to_numpy()) for name, column in head.items()}
    mark = mark_of(texts.values())
    return mark, {name for name, held in texts.items() if mark == "," and may_be_thousands(held)}


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


def _parser_message(path: Path, form: Form, text: str) -> str:
    ragged = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", text)
    if ragged:
        expected, line, saw = ragged.groups()
        return (
            f"Line {line} of {path} has {saw} fields, but {expected} are expected (separated by "
            f"{NAMES[form.separator]}). Put quotes around fields that hold the separator, or mend the line."
        )
    if "EOF inside string" in text:
        return f"{path} opens a quote that is never closed. It may be cut off, or hold a quote within a text."
    return f"{path} cannot be read as separated text ({text.rstrip('.')})."
