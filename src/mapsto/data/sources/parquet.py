"""Tables in Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from mapsto.data import fingerprint
from mapsto.data.frames import check_names, table_of
from mapsto.data.sources.base import Source
from mapsto.errors import DataError

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions


class Parquet(Source):
    """A Parquet file; rows are numbered from 1."""

    reads: ClassVar[str] = "Parquet (.parquet, .pq)"

    def accepts(self, source: Any) -> bool:
        return isinstance(source, Path) and source.suffix.lower() in (".parquet", ".pq")

    def read(self, source: Path, options: DataOptions, *, target_needed: bool) -> Table:
        frame = _frame(source)
        return table_of(
            frame,
            name=source.name,
            options=options,
            target_needed=target_needed,
            row_names=np.arange(1, len(frame) + 1),
            digest=fingerprint.of_file(source),
            folder=source.parent,
        )


def _frame(path: Path) -> pd.DataFrame:
    from pyarrow import parquet  # a sixth of a second to import, needed by this source alone

    if path.is_dir():
        raise DataError(f"{path} is a folder, not a Parquet file. Name one of the files in it.")
    if not path.stat().st_size:
        raise DataError(f"{path} is empty.")
    try:
        with parquet.ParquetFile(path) as file:
            check_names(file.schema_arrow.names, path.name)
            table = file.read()
            table.validate(full=True)  # damaged text is otherwise found only when a cell is asked for
            frame: pd.DataFrame = table.to_pandas()
            return frame
    except DataError:
        raise
    except Exception as error:  # Arrow has errors of its own, and a damaged schema raises many of Python's
        raise DataError(
            f"{path} cannot be read as Parquet ({_first_line(error)}). If it was downloaded or "
            f"copied, it is probably not whole: fetch it again."
        ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")
