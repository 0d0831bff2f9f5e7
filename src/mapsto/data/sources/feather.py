"""Tables in Feather and Arrow files."""

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

_STREAM = b"\xff\xff\xff\xff"  # a stream begins with its first message, a file with ARROW1, old Feather with FEA1

_SHARE = 8  # of `data.memory`: columns in memory take several times what they take in the file


class Feather(Source):
    """A Feather file (version 1 or 2), or an Arrow IPC file or stream; rows are numbered from 1.

    One larger than an eighth of `data.memory` is read piece by piece, unless it is of Feather's first version.
    """

    reads: ClassVar[str] = "Feather and Arrow (.feather, .arrow, .ipc)"

    def accepts(self, source: Any) -> bool:
        return isinstance(source, Path) and source.suffix.lower() in (".feather", ".arrow", ".arrows", ".ipc")

    def read(self, source: Path, options: DataOptions, *, target_needed: bool) -> Table:
        check_file(source, "a Feather file")
        limit = parse_size(options.memory) // _SHARE
        with readable(source, "Feather"):
            frames = _frames(source, limit) if source.stat().st_size > limit else None
        if frames is not None:
            return table_of_pieces(
                frames,
                name=source.name,
                options=options,
                target_needed=target_needed,
                digest=fingerprint.of_file(source),
                folder=source.parent,
            )
        with readable(source, "Feather"):
            frame = _frame(source)
        return file_table(frame, source, options, target_needed=target_needed)


def _frames(path: Path, limit: int) -> Frames | None:
    """The table in pieces; None where it is of Feather's first version, or has no rows."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as file:
        start = file.read(6)
        file.seek(0)
        if start[:4] != _STREAM and start != b"ARROW1":
            return None
        reader = pa.ipc.open_stream(file) if start[:4] == _STREAM else pa.ipc.open_file(file)
        check_names(reader.schema.names, path.name)
        batches = reader if start[:4] == _STREAM else map(reader.get_batch, range(reader.num_record_batches))
        frames = Frames(limit)
        for batch in batches:
            batch.validate(full=True)
            rows = max(100, int(limit / 4 / max(1, batch.nbytes / max(1, batch.num_rows))))
            for first in range(0, batch.num_rows, rows):
                frames.append(batch.slice(first, rows).to_pandas())
    return frames if frames.rows else None


def _frame(path: Path) -> pd.DataFrame:
    import pyarrow as pa  # a tenth of a second to import, needed by few sources
    from pyarrow import feather

    with path.open("rb") as file:
        is_stream = file.read(4) == _STREAM
        file.seek(0)
        table = pa.ipc.open_stream(file).read_all() if is_stream else feather.read_table(file, memory_map=False)
    check_names(table.schema.names, path.name)
    table.validate(full=True)  # damaged text is otherwise found only when a cell is asked for
    frame: pd.DataFrame = table.to_pandas()
    return frame
