"""Tables in Excel workbooks."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from mapsto._imports import require
from mapsto.data import fingerprint
from mapsto.data.frames import check_names, table_of
from mapsto.data.sources._files import check_file, readable
from mapsto.data.sources._sheet_header import ROWS, Header, header_of
from mapsto.data.sources.base import Source
from mapsto.errors import DataError
from mapsto.recipe.family import did_you_mean

if TYPE_CHECKING:
    from mapsto.data.table import Table
    from mapsto.recipe.schema import DataOptions

MAX_BYTES = 2 * 2**30
"""A workbook larger than this, uncompressed, is refused."""


class Excel(Source):
    """A sheet of a workbook, with names in its first row; rows are numbered as Excel numbers them, from 2.

    Titles above the names are passed over, and names in two rows, the upper ones merged, are joined.
    Formulas count as the values that Excel last saved for them. `data.sheet` names the sheet where several hold data.
    """

    reads: ClassVar[str] = "Excel (.xlsx, .xlsm)"

    def accepts(self, source: Any) -> bool:
        return isinstance(source, Path) and source.suffix.lower() in (".xlsx", ".xlsm", ".xls", ".xlsb")

    def read(self, source: Path, options: DataOptions, *, target_needed: bool) -> Table:
        check_file(source, "a workbook")
        if source.suffix.lower() in (".xls", ".xlsb"):
            raise DataError(f"{source} is a workbook of a kind that is not read. Save it in Excel as .xlsx, or as CSV.")
        require("openpyxl", extra="excel", purpose="Reading Excel workbooks")
        stated = [name for name, kind in options.columns.items() if kind in ("category", "text")]
        with readable(source, "an Excel workbook"):
            frame, header = _frame(source, options.sheet, stated, target_needed)
        rows = np.flatnonzero(~frame.isna().to_numpy().all(axis=1)) if len(frame.columns) else np.arange(0)
        frame = frame.iloc[rows].reset_index(drop=True)  # formatted cells below the table are blank rows of it
        if frame.empty:
            raise DataError(f"{source} has no rows below its first. Is it the right sheet (`data.sheet`)?")
        return table_of(
            frame,
            name=source.name,
            options=options,
            target_needed=target_needed,
            row_names=rows + header.first + header.count + 1,
            digest=fingerprint.of_text([fingerprint.of_file(source), options.sheet or ""]),
            notes=header.notes(source.name),
            folder=source.parent,
        )


def _frame(path: Path, sheet: str | None, as_words: list[str], is_strict: bool) -> tuple[pd.DataFrame, Header]:
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > MAX_BYTES:
        raise DataError(f"{path} holds {size / 2**30:,.0f} GiB, more than {MAX_BYTES // 2**30} GiB. Save it as CSV.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and extensions that no table has
        with pd.ExcelFile(path, engine="openpyxl") as book:
            chosen = _sheet(book, path, sheet, is_strict)
            header = header_of(book.parse(chosen, header=None, nrows=ROWS), lambda: _merged(path, chosen))
            types = dict.fromkeys(as_words, object)
            if header.names is None:
                return _checked(book.parse(chosen, dtype=types), book, chosen, path), header
            check_names(header.names, path.name)
            # Blank rows stay rows, so that rows are called as Excel calls them.
            above = header.first + header.count
            frame = book.parse(chosen, header=None, names=list(header.names), skiprows=above, dtype=types)
            return frame, header


def _merged(path: Path, sheet: str) -> list[tuple[int, int, int, int]]:
    """Merged cells: first and last row, first and last column, counted from 0."""
    import openpyxl

    found = openpyxl.load_workbook(path)[sheet].merged_cells.ranges
    return [(cells.min_row - 1, cells.max_row - 1, cells.min_col - 1, cells.max_col - 1) for cells in found]


def _sheet(book: pd.ExcelFile, path: Path, wanted: str | None, is_strict: bool) -> str:
    """The sheet that is wanted, or the only one that holds data; a workbook to predict for may call it otherwise."""
    names = [str(name) for name in book.sheet_names]
    if wanted is not None and (wanted in names or is_strict):
        if wanted not in names:
            near = did_you_mean(wanted, names)
            raise DataError(f'{path} has no sheet "{wanted}" (`data.sheet`).{near} Sheets: {", ".join(names)}.')
        return wanted
    full = [name for name in names if len(names) == 1 or not book.parse(name, header=None, nrows=20).isna().all().all()]
    if not full:
        raise DataError(f"{path} has no sheet with data. Sheets: {', '.join(names)}.")
    if len(full) > 1:
        raise DataError(
            f"{path} has {len(full)} sheets with data: {', '.join(full)}. Name one with `--set data.sheet={full[0]}`."
        )
    return full[0]


def _checked(frame: pd.DataFrame, book: pd.ExcelFile, sheet: str, path: Path) -> pd.DataFrame:
    """Refuses two columns of one name, to which pandas gives different ones."""
    header = [str(name) for name in book.parse(sheet, header=None, nrows=1).to_numpy().ravel().tolist()]
    twice = sorted({name for name in header if header.count(name) > 1 and name != "nan"})
    if twice:
        raise DataError(f"{path} has more than one column called {', '.join(twice[:5])}. Rename all but one of them.")
    return frame.set_axis([str(name).strip() for name in frame.columns], axis="columns")
