"""The bytes of text files: whether they are text at all, and in which encoding."""

from __future__ import annotations

import codecs
from contextlib import suppress
from pathlib import Path

from mapsto._messages import say
from mapsto.data.table import Note
from mapsto.errors import DataError

LEGACY = {"cp1252": "Windows-1252", "gb18030": "GB18030", "latin-1": "Latin-1"}
"""What these encodings are called."""

_LOOKED_AT = 8 * 2**20
_PIECE = 16 * 2**20
_KNOWN = {
    b"PAR1": "a Parquet file: name it .parquet",
    b"\x1f\x8b": "compressed with gzip: name it .csv.gz",
    b"PK\x03\x04": "a .zip archive or an Excel workbook: name it .zip or .xlsx",
    b"BZh": "compressed with bzip2: name it .csv.bz2",
    b"\xfd7zXZ": "compressed with xz: name it .csv.xz",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save the sheet as .xlsx or CSV",
    b"ARROW1": "a Feather file: name it .feather",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"\x93NUMPY": "a numpy array: name it .npy",
    b"%PDF": "a PDF document",
}


def legacy(data: bytes) -> str:
    """The encoding of a text that is not UTF-8: GB18030 where it reads as common Chinese, else Windows-1252.

    Example:
        >>> legacy("名字,城市".encode("gbk")), legacy("“naïve”, 5 €".encode("cp1252"))
        ('gb18030', 'cp1252')
    """
    try:
        text = codecs.getincrementaldecoder("gb18030")().decode(data[:_LOOKED_AT])
    except UnicodeDecodeError:
        return "cp1252"
    letters = [character for character in text if ord(character) > 127]
    codes = [letter.encode("gb2312", errors="ignore") for letter in letters]
    known, common = sum(map(bool, codes)), sum(b"\xb0" <= code[:1] <= b"\xd7" for code in codes)
    # Accented letters before others read as rare ideographs, not as those of everyday text.
    return "gb18030" if known >= 0.9 * len(letters) and common > 0.5 * len(letters) else "cp1252"


def legacy_note(path: Path, encoding: str) -> Note:
    """That a file was read so, which bytes alone cannot prove."""
    message = say(
        "{name} is not UTF-8 and was read as {encoding}: look whether {what} are right. If not, save it as UTF-8.",
        name=path.name,
        encoding=LEGACY[encoding],
        what=say("Chinese characters" if encoding == "gb18030" else "letters with accents"),
    )
    return Note("warning", message)


def check_text(data: bytes, path: Path) -> None:
    """Refuses what is empty, and what is not text."""
    start = data[: 2**16]
    if not start.strip(b"\xef\xbb\xbf \t\r\n"):
        raise DataError(f"{path} is empty.")
    for magic, what in _KNOWN.items():
        if start.startswith(magic):
            raise DataError(f"{path} is not text but {what}.")
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return
    controls = sum(start.count(bytes([code])) for code in range(32) if code not in b"\t\n\r\f\x1a\x1b")
    if b"\0" in start or controls > 0.01 * len(start):
        raise DataError(f"{path} is not text: it holds bytes that no text has. Save the table as CSV in UTF-8.")


def as_utf8(data: bytes, path: Path) -> tuple[bytes, list[Note]]:
    """The text in UTF-8 without a byte-order mark.

    Raises:
        DataError: it is empty, or not text.
    """
    check_text(data, path)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return data.decode("utf-16").encode(), []
        except UnicodeDecodeError as error:
            raise DataError(f"{path} starts as UTF-16 but is damaged: {error}. Save it as UTF-8.") from error
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data), _PIECE):
            decoder.decode(data[start : start + _PIECE], final=start + _PIECE >= len(data))
    except UnicodeDecodeError:
        for encoding in (legacy(data), "latin-1"):
            with suppress(UnicodeDecodeError):  # Latin-1 knows every byte
                return data.decode(encoding).encode(), [legacy_note(path, encoding)]
    return data.removeprefix(codecs.BOM_UTF8), []
