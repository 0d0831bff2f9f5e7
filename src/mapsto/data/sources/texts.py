"""Texts in a folder for each class, in a folder, a .zip or a .tar archive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mapsto.data.sources._classes import Files, holds, table_of_files
from mapsto.data.sources.base import Source
from mapsto.data.tars import is_tar
from mapsto.data.trees import Tree
from mapsto.errors import DataError

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

MAX_BYTES = 16 * 2**20
"""A text larger than this is refused."""

_COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def _look(tree: Tree, paths: Sequence[str]) -> list[str | DataError]:
    return [_text(tree, path) for path in paths]


def _text(tree: Tree, path: str) -> str | DataError:
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
        return data.decode("latin-1").strip()


_FILES = Files("text", "texts", (".txt",), _look, skipped="unsup")


class Texts(Source):
    """A folder (or archive) with a folder for each class, whose .txt files are the texts, one each.

    Folders called train, validation (val, valid, dev) and test at the top give the parts, as in `aclImdb/train/pos`;
    a folder called unsup is left out. To predict, texts may lie anywhere. UTF-8, else Latin-1. Rows are called by the
    files' paths.
    """

    reads: ClassVar[str] = "texts in a folder for each class (a folder, .zip or .tar.gz of .txt)"

    def accepts(self, source: Any) -> bool:
        if isinstance(source, Path) and source.is_file() and source.suffix.lower() != ".zip":
            return source.name.lower().endswith(_COMPRESSED) and is_tar(source)
        return holds(source, _FILES)

    def read(self, source: Path, options: DataOptions, *, target_needed: bool) -> Table:
        return table_of_files(source, _FILES, options, target_needed=target_needed)
