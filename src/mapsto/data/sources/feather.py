"""Tables in Feather and Arrow files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from mapsto.data.frames import check_names
from mapsto.data.sources._files import check_file, file_table, readable
from mapsto.data.sources.base import Source

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

_STREAM = b"\xff\xff\xff\xff"  # a stream begins with its first message, a file with ARROW1, old Feather with FEA1


class Feather(Source):
    """A Feather file (version 1 or 2), or an Arrow IPC file or stream; rows are numbered from 1."""

    reads: ClassVar[str] = "Feather and Arrow (.feather, .arrow, .ipc)"

    def accepts(self, source: Any) -> bool:
        return isinstance(source, Path) and source.suffix.lower() in (".feather", ".arrow", ".arrows", ".ipc")

    def read(self, source: Path, options: DataOptions, *, target_needed: bool) -> Table:
        check_file(source, "a Feather file")
        with readable(source, "Feather"):
            frame = _frame(source)
        return file_table(frame, source, options, target_needed=target_needed)


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
