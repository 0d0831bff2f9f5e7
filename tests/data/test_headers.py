"""Comments and titles above a header are passed over where they are beyond doubt, and read as before where not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mapsto.data.read import read
from mapsto.data.table import Table
from mapsto.recipe.schema import DataOptions

BODY = "id,a,b\n1,2,x\n3,4,y\n5,6,z\n"


def read_text(folder: Path, text: str, memory: str = "4GB") -> Table:
    path = folder / "a.csv"
    path.write_text(text)
    return read(path, options=DataOptions(memory=memory), target_needed=False)


ABOVE = {
    "a title": "Sales report 2024\n\n",
    "a padded title": "Sales report 2024,,\n,,\n",
    "comments": "# made by hand\n#\n# more, of, it\n",
    "both": "# made by hand\nSales report\n",
}


@pytest.mark.parametrize("name", ABOVE)
def test_what_stands_above_the_header_is_passed_over_and_said(name, tmp_path):
    table = read_text(tmp_path, ABOVE[name] + BODY)
    assert list(table.columns) == ["id", "a", "b"]
    assert table.columns["a"].values.tolist() == [2, 4, 6]
    assert "above the header" in table.notes[0].message


@pytest.mark.parametrize("name", ABOVE)
def test_a_file_in_pieces_has_the_same_header(name, tmp_path):
    table = read_text(tmp_path, ABOVE[name] + BODY + "7,8,w\n" * 40_000, memory="1MB")
    assert list(table.columns) == ["id", "a", "b"]
    assert len(table) == 40_003


PLAIN = {
    "a header behind a comment sign": ("#id,a,b\n1,2,x\n3,4,y\n", ["#id", "a", "b"]),
    "a column without a name": (",word\nfoo,bar\nbaz,qux\na,b\n", ["Unnamed: 0", "word"]),
    "one column": ("name\nfoo\nbar\nbaz\n", ["name"]),
    "names of which some are missing": ("a,,\n1,2,3\n4,5,6\n7,8,9\n", ["a", "Unnamed: 1", "Unnamed: 2"]),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_first_line_that_may_be_the_header_is_the_header(name, tmp_path):
    text, names = PLAIN[name]
    table = read_text(tmp_path, text)
    assert list(table.columns) == names


def sheet(folder: Path, rows: list[list], *merged: str) -> Table:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [*rows, [1, 2.5, "x"], [3, 4.5, "y"]]:
        book.active.append(row)
    for cells in merged:
        book.active.merge_cells(cells)
    book.save(folder / "a.xlsx")
    return read(folder / "a.xlsx", options=DataOptions(), target_needed=False)


def test_titles_of_a_sheet_are_passed_over_and_rows_keep_their_numbers(tmp_path):
    table = sheet(tmp_path, [["Report"], [], ["a", "b", "c"]], "A1:C1")
    assert list(table.columns) == ["a", "b", "c"]
    assert table.row_names.tolist() == [4, 5]
    assert '2 rows above the header ("Report")' in table.notes[0].message


def test_names_in_two_rows_of_a_sheet_are_joined_where_cells_are_merged(tmp_path):
    table = sheet(tmp_path, [["Shop", "Sales", None], ["id", "2023", "2024"]], "B1:C1")
    assert list(table.columns) == ["Shop id", "Sales 2023", "Sales 2024"]
    assert table.columns["Sales 2023"].values.tolist() == [2.5, 4.5]


def test_a_sheet_with_a_name_missing_is_read_as_pandas_reads_it(tmp_path):
    assert list(sheet(tmp_path, [["a", "b", None]]).columns) == ["a", "b", "Unnamed: 2"]
