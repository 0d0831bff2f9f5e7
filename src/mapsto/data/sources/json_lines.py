"""Tables in JSON: an object a line, or a list of objects."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from mapsto.data import fingerprint
from mapsto.data.frames import table_of_pieces
from mapsto.data.sources._files import DAMAGES, OPENERS, check_file, file_table, first_line, opened
from mapsto.data.sources.base import Source
from mapsto.data.spool import Frames
from mapsto.errors import DataError
from mapsto.recipe.sizes import parse_size

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

MAX_BYTES = 4 * 2**30
"""A text larger than this, uncompressed, that must be read whole is refused."""

MAX_LINE = 64 * 2**20
"""Characters of a line, at most, where a text is read piece by piece."""

_PIECE = 1 << 20
_SHARE = 8  # of `data.memory`: objects in memory take several times what they take in the file

_SUFFIXES = (".jsonl", ".ndjson", ".json")


class JSONLines(Source):
    """A text with a JSON object a line, or a JSON list of objects, or an object of columns; rows are numbered from 1.

    An object in an object gives columns of its own: `{"place": {"town": "A"}}` is a column `place.town`. What an object
    lacks is missing. Lines (.jsonl, .ndjson) of more than an eighth of `data.memory` are read piece by piece.
    """

    reads: ClassVar[str] = "JSON lines and JSON (.jsonl, .ndjson, .json; also .gz, .bz2, .xz of such)"

    def accepts(self, source: Any) -> bool:
        if not isinstance(source, Path):
            return False
        inner = Path(source.stem) if source.suffix.lower() in OPENERS else source
        return inner.suffix.lower() in _SUFFIXES

    def read(self, source: Path, options: DataOptions, *, target_needed: bool) -> Table:
        check_file(source, "a JSON file")
        limit = parse_size(options.memory) // _SHARE
        if _has_lines(source) and _is_larger(source, limit):
            return table_of_pieces(
                _frames(source, limit),
                name=source.name,
                options=options,
                target_needed=target_needed,
                digest=fingerprint.of_file(source),
                folder=source.parent,
            )
        records = _records(_text(source), source)
        if not records:
            raise DataError(f"{source} holds no objects, so there are no rows.")
        frame = frame_of(records)
        return file_table(frame, source, options, target_needed=target_needed)


def frame_of(records: list[Mapping[str, Any]]) -> pd.DataFrame:
    """Objects as a frame; objects in them as columns of their own."""
    if any(isinstance(value, Mapping) for record in records for value in record.values()):
        records = [dict(_flat(record, "")) for record in records]
    return pd.DataFrame(records, index=pd.RangeIndex(len(records)))


def _has_lines(path: Path) -> bool:
    """Whether its name says that it has an object a line; a .json file may be one value, which is read whole."""
    return path.name.lower().removesuffix(path.suffix.lower() if path.suffix.lower() in OPENERS else "")[-5:] != ".json"


def _is_larger(path: Path, limit: int) -> bool:
    """Whether it has more than so many bytes of text."""
    with opened(path) as file, _whole_file(path):
        return sum(len(piece) for piece in iter(lambda: file.read(min(_PIECE, limit)), b"")) > limit


def _frames(path: Path, limit: int) -> Frames:
    """The objects of a text with one a line, read piece by piece."""
    frames, records, size = Frames(limit), list[Mapping[str, Any]](), 0
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        records.append(_object(line, f"Line {number} of {path}"))
        size += len(line)
        if size > limit // 4:  # objects take several times what their text takes
            frames.append(frame_of(records))
            records, size = [], 0
    if records:
        frames.append(frame_of(records))
    if not frames.rows:
        raise DataError(f"{path} holds no objects, so there are no rows.")
    return frames


def _lines(path: Path) -> Iterator[str]:
    with opened(path) as file, _whole_file(path):
        encoding = json.detect_encoding(file.read(4))
        file.seek(0)
        text = io.TextIOWrapper(file, encoding=encoding, newline="\n")
        try:
            while line := text.readline(MAX_LINE + 1):
                if len(line) > MAX_LINE:
                    raise DataError(f"{path} has a line of more than {MAX_LINE // 2**20} million characters.")
                yield line
        except UnicodeDecodeError as error:
            raise DataError(f"{path} is not text in UTF-8 ({error}). Save it as UTF-8.") from error


@contextmanager
def _whole_file(path: Path) -> Iterator[None]:
    """Turns what reading a damaged file raises into an error that says so."""
    try:
        yield
    except DAMAGES as error:
        raise DataError(
            f"{path} cannot be read ({first_line(error)}). If it was downloaded or copied, it is probably not whole: "
            f"fetch it again."
        ) from error


def _flat(record: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _text(path: Path) -> str:
    with _whole_file(path), opened(path) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise DataError(f"{path} has more than {MAX_BYTES // 2**30} GiB of text. Convert it to Parquet.")
    try:
        return data.decode(json.detect_encoding(data))
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8 ({error}). Save it as UTF-8.") from error


def _records(text: str, path: Path) -> list[Mapping[str, Any]]:
    """The objects of the text."""
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise DataError(f"{path} is empty.")
    whole = path.name.lower().removesuffix(path.suffix.lower() if path.suffix.lower() in OPENERS else "")
    if whole.endswith(".json"):
        found = _whole(text, path)
        if found is not None:
            return found
    records: list[Mapping[str, Any]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            records.append(_object(line, f"Line {number} of {path}"))
    return records


def _object(line: str, where: str) -> Mapping[str, Any]:
    record = _parsed(line, where)
    if not isinstance(record, dict):
        raise DataError(f"{where} is no JSON object ({{...}}). Received: {line.strip()[:60]}.")
    return record


def _whole(text: str, path: Path) -> list[Mapping[str, Any]] | None:
    """The objects of a text that is one JSON value; None where it seems to have an object a line."""
    start = text.lstrip()[:1]
    if start == "{":
        try:
            value = json.loads(text)
        except ValueError as error:
            if "Extra data" in str(error):
                return None
            raise DataError(f"{path} is no JSON: {error}.") from error
        except RecursionError as error:
            raise DataError(f"{path} has objects that lie too deep in one another.") from error
        if not all(isinstance(column, list) for column in value.values()):
            return [value]
        if len({len(column) for column in value.values()}) > 1:
            raise DataError(f"{path} holds one object whose lists, its columns, have different lengths.")
        return [dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=True)]
    found = _parsed(text, str(path))
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        raise DataError(f"{path} must hold a list of objects, one a row: [{{...}}, {{...}}].")
    return found


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:  # also a number of more digits than Python takes
        raise DataError(f"{where} is no JSON: {first_line(error)}. Is the file whole?") from error
    except RecursionError as error:
        raise DataError(f"{where} has objects that lie too deep in one another.") from error
