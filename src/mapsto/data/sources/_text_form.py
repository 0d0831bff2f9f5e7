"""How a text table is written: what parts its fields, where its header is, and what its columns are called."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mapsto._messages import counted, say
from mapsto.data.number_columns import looks_written
from mapsto.data.table import Note
from mapsto.errors import DataError

LOOKED_AT = 8 * 2**20
"""Bytes from which separator and header are told."""

NAMES = {",": say("commas"), ";": say("semicolons"), "\t": say("tabs"), "|": say("bars")}
"""What separators are called."""

_RECORDS = 20
_HEAD = 2**16  # characters that titles are looked for in
_MOST_ABOVE = 20  # lines above the header
_SHOWN = 60  # characters of a line that a note shows
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_POINT_NUMBER = re.compile(r"[+-]?\d+\.\d+")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)")


@dataclass(frozen=True)
class Form:
    """How a text is written.

    Attributes:
        separator: what parts the fields.
        names: of the columns.
        named: whether the first line holds the names, or is a row like the others.
        above: lines above the header that are no part of the table: comments and titles.
    """

    separator: str
    names: list[str]
    named: bool
    above: tuple[str, ...] = ()

    def arguments(self, words: Iterable[str]) -> dict[str, Any]:
        """How pandas is to read the text; columns of `words` as text."""
        return {
            "sep": self.separator,
            "header": 0 if self.named else None,
            "names": self.names,
            "skiprows": len(self.above),
            "index_col": False,
            "dtype": dict.fromkeys(words, str),
            "skipinitialspace": True,
            "low_memory": False,
        }

    def notes(self, path: Path) -> list[Note]:
        """What was noticed."""
        notes = []
        if self.separator != ",":
            message = say(
                "The fields of {name} are separated by {separator}.", name=path.name, separator=NAMES[self.separator]
            )
            notes.append(Note("info", message))
        if self.above:
            first = next(line for line in self.above if line.strip())
            shown = first if len(first) <= _SHOWN else f"{first[:_SHOWN]}..."
            message = say(
                '{name} has {lines} above the header ("{shown}"), which are not read.',
                name=path.name,
                lines=counted(len(self.above), "line"),
                shown=shown,
            )
            notes.append(Note("info", message))
        if not self.named:
            message = say(
                'The first line of {name} holds numbers and was read as a row. The columns are called "column 1", '
                '"column 2" and so on.',
                name=path.name,
            )
            notes.append(Note("warning", message))
        elif any(map(_POINT_NUMBER.fullmatch, self.names)):
            shown = next(name for name in self.names if _POINT_NUMBER.fullmatch(name))
            message = say(
                'The first line of {name} was read as names, but holds "{shown}". If it is a row of data, put a line '
                "of names above it.",
                name=path.name,
                shown=shown,
            )
            notes.append(Note("warning", message))
        return notes


def form_of(data: bytes, path: Path) -> Form:
    """Tells from its beginning how the text is written.

    Raises:
        DataError: it is no text table.
    """
    text = data[:LOOKED_AT].decode("utf-8", errors="ignore")  # the last character may be cut off
    if len(data) > LOOKED_AT and "\n" not in text and "\r" not in text:
        raise DataError(f"The first line of {path} is longer than {LOOKED_AT // 2**20} MiB. A table has a row a line.")
    above = _comments(text)
    text = text[sum(map(len, above)) :]
    titles = _titles(text[:_HEAD], path)
    above += titles
    text = text[sum(map(len, titles)) :]
    found = {separator: [record for _, record in _records(text, separator, path)] for separator in NAMES}
    separator = max(NAMES, key=lambda separator: _regularity(found[separator]))
    if {suffix.lower() for suffix in path.suffixes[-2:]} & {".tsv", ".tab"} and len(found["\t"][0]) > 1:
        separator = "\t"  # the name says so
    first, *rows = found[separator]
    lines = tuple(line.rstrip("\r\n") for line in above)
    if _is_row(first):
        return Form(separator, [f"column {number}" for number in range(1, len(first) + 1)], False, lines)
    return Form(separator, _names(first, rows), True, lines)


def _lines(text: str) -> list[str]:
    """The first lines with their ends, one more than may be above a header."""
    lines: list[str] = []
    place = 0
    while len(lines) <= _MOST_ABOVE and (match := _LINE.match(text, place)):
        lines.append(match.group())
        place = match.end()
    return lines


def _comments(text: str) -> list[str]:
    """Lines at the beginning that are comments beyond doubt: not the last of them, where it holds the names."""
    lines = _lines(text)
    count = next((place for place, line in enumerate(lines) if line.strip() and line[0] != "#"), 0)
    above = lines[:count]
    if not any(line.strip() for line in above) or any('"' in line for line in above):
        return []
    widths = {separator: lines[count].count(separator) for separator in NAMES}
    last = max(place for place, line in enumerate(above) if line.strip())
    of_names = any(width and above[last].count(separator) == width for separator, width in widths.items())
    if of_names and (_has_number(lines[count : count + 1]) or not _has_number(lines[count + 1 : count + 2])):
        return above[:last] if any(line.strip() for line in above[:last]) else []
    return above


def _titles(text: str, path: Path) -> list[str]:
    """Lines with one field above a header of several, where all lines below have as many, and numbers among them."""
    lines = _lines(text)
    if not any(line.strip() for line in lines):
        return []
    for separator in NAMES:
        records = _records(text, separator, path)
        width = len(records[-1][1])
        start = next((place for place, (_, fields) in enumerate(records) if sum(map(bool, fields)) > 1), 0)
        before, below = [fields for _, fields in records[:start]], [fields for _, fields in records[start + 1 :]]
        if not start or len(below) < 2 or not _are_titles(before, width):
            continue
        header, number = records[start][1], records[start][0]
        is_header = len(header) == width > 1 and len({*header}) == width and all(header) and not looks_written(header)
        if not is_header or (width == 2 and any(len(fields) == 2 for fields in before)):
            continue
        columns = [[field for field in column if field] for column in zip(*below, strict=False)]
        of_numbers = any(column and all(looks_written([field]) for field in column) for column in columns)
        above = lines[: number - 1]
        if of_numbers and all(len(fields) == width for fields in below) and not any('"' in line for line in above):
            return above if number <= len(lines) else []
    return []


def _has_number(lines: list[str]) -> bool:
    """Whether a field of the lines is a number, whatever parts the fields."""
    return any(looks_written(field.strip() for field in re.split(r"[,;\t|]", line)) for line in lines)


def _are_titles(records: list[list[str]], width: int) -> bool:
    """Whether lines have nothing but a first field, whether or not separators follow."""
    return any(records[0]) and all(len(fields) in (1, width) and not any(fields[1:]) for fields in records)


def _records(text: str, separator: str, path: Path) -> list[tuple[int, list[str]]]:
    """The first lines as fields, each with the number of its line; blank lines are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    records: list[tuple[int, list[str]]] = []
    try:
        for record in reader:
            if len(record) > 1 or "".join(record).strip():
                records.append((reader.line_num, [field.strip() for field in record]))
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
