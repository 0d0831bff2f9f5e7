"""Tables in Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from mapsto.data import fingerprint
from mapsto.data.frames import check_names, table_of_pieces
from mapsto.data.sources._files import check_file, file_table, readable
from mapsto.data.sources.base import Source
from mapsto.data.spool import Frames
from mapsto.recipe.sizes import parse_size

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

_SHARE = 8  # of `data.memory`: columns in memory take several times what they take in the file


class Parquet(Source):
    """A Parquet file; rows are numbered from 1. One larger than an eighth of `data.memory` is read piece by piece."""

    reads: ClassVar[str] = "Parquet (.parquet, .pq)"

    def accepts(self, source: Any) -> bool:
        return isinstance(source, Path) and source.suffix.lower() in (".parquet", ".pq")

    def read(self, source: Path, options: DataOptions, *, target_needed: bool) -> Table:
        check_file(source, "a Parquet file")
        limit = parse_size(options.memory) // _SHARE
        with readable(source, "Parquet"):
            frames = _frames(source, limit)
        if frames is not None:
            return table_of_pieces(
                frames,
                name=source.name,
                options=options,
                target_needed=target_needed,
                digest=fingerprint.of_file(source),
                folder=source.parent,
            )
        frame = _frame(source)
        return file_table(frame, source, options, target_needed=target_needed)


def _frame(path: Path) -> pd.DataFrame:
    from pyarrow import parquet  # a sixth of a second to import, needed by this source alone

    with readable(path, "Parquet"), parquet.ParquetFile(path) as file:
        check_names(file.schema_arrow.names, path.name)
        table = file.read()
        table.validate(full=True)  # damaged text is otherwise found only when a cell is asked for
        frame: pd.DataFrame = table.to_pandas()
        return frame


def _frames(path: Path, limit: int) -> Frames | None:
    """The table in pieces, where it is larger than so many bytes; else None."""
    from pyarrow import parquet

    with parquet.ParquetFile(path, pre_buffer=False, memory_map=True) as file:
        groups = (file.metadata.row_group(place) for place in range(file.metadata.num_row_groups))
        size = sum(group.total_byte_size for group in groups)
        if size <= limit or not file.metadata.num_rows:
            return None
        check_names(file.schema_arrow.names, path.name)
        rows = max(100, int(limit / 4 / (size / file.metadata.num_rows)))
        frames = Frames(limit)
        for batch in file.iter_batches(batch_size=rows):
            batch.validate(full=True)
            frames.append(batch.to_pandas())
    return frames
