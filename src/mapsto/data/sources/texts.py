"""Texts in a folder for each class, in a folder, a .zip or a .tar archive."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto._messages import say, shortened
from mapsto.data.sources._classes import Files, holds, table_of_files
from mapsto.data.sources._encodings import LEGACY, legacy
from mapsto.data.sources.base import Source
from mapsto.data.table import Note
from mapsto.data.tars import is_tar
from mapsto.data.trees import Tree
from mapsto.errors import DataError

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

MAX_BYTES = 16 * 2**20
"""A text larger than this is refused."""

_COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def _text(tree: Tree, path: str, guessed: dict[str, list[str]]) -> str | DataError:
    try:
        data = tree.read(path)
    except DataError as error:
        return error
    if len(data) > MAX_BYTES:
        return DataError(f"{path} has {len(data) / 2**20:,.0f} MiB, more than {MAX_BYTES // 2**20} MiB of text.")
    if b"\0" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return DataError(f"{path} is not a text: it holds zero bytes.")
    try:
        encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
        return data.decode(encoding).strip()
    except UnicodeDecodeError:
        for encoding in (legacy(data), "latin-1"):
            with suppress(UnicodeDecodeError):  # Latin-1 knows every byte
                text = data.decode(encoding).strip()
                guessed.setdefault(encoding, []).append(path)
                return text
        raise


def _files() -> Files:
    """How texts are read; what was guessed of their encodings is said once for each encoding."""
    guessed: dict[str, list[str]] = {}

    def look(tree: Tree, paths: Sequence[str]) -> list[str | DataError]:
        return [_text(tree, path, guessed) for path in paths]

    def remarks(name: str, looked: Sequence[Any]) -> list[Note]:
        del looked
        return [
            Note(
                "warning",
                say(
                    "{files:,} of the texts in {name} are not UTF-8 and were read as {encoding} ({shown}): "
                    "look whether "
                    "their letters are right. If not, save them as UTF-8.",
                    files=len(paths),
                    name=name,
                    encoding=LEGACY[encoding],
                    shown=shortened(paths, 3),
                ),
            )
            for encoding, paths in guessed.items()
        ]

    return Files("text", say("texts"), (".txt",), look, remarks, skipped="unsup")


class Texts(Source):
    """A folder (or archive) with a folder for each class, whose .txt files are the texts, one each.

    Folders called train, validation (val, valid, dev) and test at the top give the parts, as in `aclImdb/train/pos`;
    a folder called unsup is left out. To predict, texts may lie anywhere. What is not UTF-8 is read as the
    encoding that its bytes suggest, with a note. Rows are called by the
    files' paths.
    """

    reads: ClassVar[str] = "texts in a folder for each class (a folder, .zip or .tar.gz of .txt)"

    def accepts(self, source: Any) -> bool:
        if isinstance(source, Path) and source.is_file() and source.suffix.lower() != ".zip":
            return source.name.lower().endswith(_COMPRESSED) and is_tar(source)
        return holds(source, _files())

    def read(self, source: Path, options: DataOptions, *, target_needed: bool) -> Table:
        return table_of_files(source, _files(), options, target_needed=target_needed)
