"""Parquet files: types are the file's own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from mapsto.data.read import read
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

FRAME = pd.DataFrame(
    {
        "size": pd.array([1, None, 3, 4] * 10, dtype="Int64"),
        "town": pd.Categorical(["A", "B", "A", "C"] * 10),
        "member": pd.array([True, None, False, True] * 10, dtype="boolean"),
        "since": pd.date_range("2020-01-01", periods=40),
        "price": range(40),
    }
)
PRICE = DataOptions(target="price")


def test_parquet_is_read_as_the_frame_in_it(tmp_path):
    FRAME.to_parquet(tmp_path / "a.parquet")
    table, memory = read(tmp_path / "a.parquet", options=PRICE), read(FRAME, options=PRICE)
    assert (table.name, table.row_names[0]) == ("a.parquet", 1)
    for name, column in memory.columns.items():
        assert table.columns[name].kind == column.kind
        pd.testing.assert_series_equal(pd.Series(table.columns[name].values), pd.Series(column.values))


def test_duplicate_names_are_refused(tmp_path):
    columns = pa.table([pa.array([1, 2, 3]), pa.array([4, 5, 6])], names=["price", "price"])
    parquet.write_table(columns, tmp_path / "a.parquet")
    with pytest.raises(DataError, match='more than one column called "price"'):
        read(tmp_path / "a.parquet", options=PRICE)


def test_a_file_without_rows_is_refused(tmp_path):
    FRAME.iloc[:0].to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match='a.parquet has no rows. Its columns: "size", "town"'):
        read(tmp_path / "a.parquet", options=PRICE)


def test_text_that_is_no_utf_8_is_refused(tmp_path):
    offsets = pa.py_buffer(np.array([0, 1, 2, 3], np.int32))
    text = pa.StringArray.from_buffers(3, offsets, pa.py_buffer(b"a\xc1b"))
    parquet.write_table(pa.table({"text": text, "price": [1, 2, 3]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="a.parquet cannot be read as Parquet .*UTF8"):
        read(tmp_path / "a.parquet", options=PRICE)


@pytest.mark.parametrize(("make", "message"), [("mkdir", "is a folder"), ("touch", "is empty")])
def test_what_is_no_parquet_is_refused(make, message, tmp_path):
    getattr(tmp_path / "a.parquet", make)()
    with pytest.raises(DataError, match=message):
        read(tmp_path / "a.parquet", options=PRICE)
