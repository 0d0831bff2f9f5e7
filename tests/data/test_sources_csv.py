"""Separated text: how it is written is told from the text itself."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mapsto.data.read import read
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

TEXT = "size,color,y\n" + "".join(f"{row}.5,{'rot grün'.split()[row % 2]},{row % 2}\n" for row in range(20))


def read_text(folder: Path, text, name="a.csv", **options):
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read(path, options=DataOptions(**options))


def assert_is_the_table(table):
    assert [column.kind for column in table.columns.values()] == ["numeric", "category", "category"]
    assert table.columns["size"].values[:2].tolist() == [0.5, 1.5]
    assert table.columns["color"].values[:2].tolist() == ["rot", "grün"]
    assert table.row_names[:2].tolist() == [1, 2]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separator_is_told(separator, tmp_path):
    assert_is_the_table(read_text(tmp_path, TEXT.replace(",", separator)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encoding_is_told(encoding, tmp_path):
    table = read_text(tmp_path, TEXT.encode(encoding))
    assert_is_the_table(table)
    warned = any("is not UTF-8 and was read as Windows-1252" in note.message for note in table.notes)
    assert warned == (encoding == "latin-1")


@pytest.mark.parametrize(("suffix", "compress"), [(".gz", gzip), (".bz2", bz2), (".xz", lzma)])
def test_compressed_text_is_read(suffix, compress, tmp_path):
    assert_is_the_table(read_text(tmp_path, compress.compress(TEXT.encode()), f"a.csv{suffix}"))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_will_do(end, tmp_path):
    assert_is_the_table(read_text(tmp_path, TEXT.replace("\n", end).encode()))


def test_blank_lines_before_the_header_are_passed_over(tmp_path):
    assert_is_the_table(read_text(tmp_path, "\n\n" + TEXT))


def test_separators_in_quotes_do_not_count(tmp_path):
    table = read_text(tmp_path, 'note;y\n"a, b; c, ""d"" \n e";0\n"f, g";1\n"h, i";0\n')
    assert table.columns["note"].values[0] == 'a, b; c, "d" \n e'


def test_decimal_commas_are_numbers_beside_semicolons(tmp_path):
    table = read_text(tmp_path, "size;y\n1,5;a\n2,25;b\n-3,0;a\n")
    assert table.columns["size"].values.tolist() == [1.5, 2.25, -3.0]
    assert '"1,5" is 1.5' in table.notes[1].message


def test_blanks_around_fields_are_dropped(tmp_path):
    table = read_text(tmp_path, "size, kind , y\n" + " 1, ?, a\n 2,  , b\n 3, x , a\n" * 3)
    assert list(table.columns) == ["size", "kind", "y"]
    assert table.columns["kind"].values[:3].tolist() == [None, None, "x"]


def test_quotes_after_a_blank_are_quotes(tmp_path):
    table = read_text(tmp_path, "size, note, y\n" + '1, "x, z", a\n2, "u, v", b\n' * 3)
    assert table.columns["note"].values[:2].tolist() == ["x, z", "u, v"]


def test_a_first_line_of_numbers_is_a_row(tmp_path):
    table = read_text(tmp_path, "".join(f"{row * 1.5},{row},{row % 2}\n" for row in range(20)), target="column 3")
    assert (len(table), list(table.columns)) == (20, ["column 1", "column 2", "column 3"])
    assert "holds numbers and was read as a row" in table.notes[0].message


def test_names_of_a_frame_without_names_are_no_row(tmp_path):
    text = pd.DataFrame(np.random.default_rng(0).random((20, 3))).to_csv(index=False)
    assert len(read_text(tmp_path, text, target="2")) == 20


def test_names_of_rows_as_r_writes_them_stand_first(tmp_path):
    table = read_text(tmp_path, "size,y\n" + "".join(f"row {row},{row},{'ab'[row % 2]}\n" for row in range(20)))
    assert {column.name: column.kind for column in table.columns.values()} == {
        "Unnamed: 0": "ignore",
        "size": "numeric",
        "y": "category",
    }


def test_a_separator_at_the_end_of_rows_makes_an_unused_column(tmp_path):
    table = read_text(tmp_path, "size,y\n" + "1,a,\n2,b,\n" * 5)
    assert table.columns["Unnamed: 2"].kind == "ignore"
    assert table.columns["size"].values[:2].tolist() == [1.0, 2.0]


def test_text_longer_than_the_bound_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("mapsto.data.sources.csv.MAX_BYTES", 10_000)
    with pytest.raises(DataError, match="Convert it to Parquet"):
        read_text(tmp_path, gzip.compress(b"a,y\n" + b"1,2\n" * 10_000), "a.csv.gz")


def test_cells_longer_than_a_reader_of_lines_takes_are_read(tmp_path):
    text = "note,y\n" + "".join(f"{'word ' * 50_000}{row},{row % 2}\n" for row in range(4))
    assert len(read_text(tmp_path, text).columns["note"].values[0]) == 250_001


numbers = st.floats(allow_nan=True, allow_infinity=False, width=32)
words = st.text(st.characters(codec="utf-8", categories=["L"]), min_size=1, max_size=8) | st.just("a, b;\n\"c'")


@given(
    st.lists(st.tuples(numbers, st.integers(-(2**40), 2**40), words | st.none()), min_size=3, max_size=20),
    st.sampled_from([",", ";", "\t", "|"]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_frame_written_as_csv_is_read_as_pandas_reads_it(tmp_path, rows, separator):
    path = tmp_path / "a.csv"
    frame = pd.DataFrame(rows, columns=["real", "whole", "word"]).assign(goal=range(len(rows)))
    frame.to_csv(path, index=False, sep=separator)
    expected = pd.read_csv(path, sep=separator)
    table = read(path, options=DataOptions(target="goal", columns={"word": "category"}), target_needed=False)
    for name in ("real", "whole", "goal"):
        np.testing.assert_array_equal(table.columns[name].values.astype(float), expected[name].to_numpy(float), name)
    plain = [None if pd.isna(word) else str(word) for word in expected["word"].astype(object)]
    assert table.columns["word"].values.tolist() == plain


@pytest.mark.parametrize("memory", ["4GiB", "1MB"])
def test_codes_and_long_numbers_stay_what_they_are(memory, tmp_path):
    rows = [
        f"{'01' if row % 2 else '1'},{9007199254740992 + row % 2 if row % 5 else ''},{row}.25" for row in range(12000)
    ]
    table = read_text(tmp_path, "zip,group,x\n" + "\n".join(rows) + "\n", target="zip", memory=memory)
    assert [column.kind for column in table.columns.values()] == ["category", "category", "numeric"]
    assert np.asarray(table.columns["zip"].values)[:2].tolist() == ["1", "01"]
    assert np.asarray(table.columns["group"].values)[:3].tolist() == [None, "9007199254740993", "9007199254740992"]


def test_codes_stated_to_be_numbers_are_numbers(tmp_path):
    table = read_text(tmp_path, "zip,y\n" + "01,a\n1,b\n002,a\n" * 5, columns={"zip": "numeric"})
    assert table.columns["zip"].values[:3].tolist() == [1.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("encoding", "word", "name"),
    [("cp1252", "“5 €”", "Windows-1252"), ("gbk", "上海", "GB18030"), ("cp1252", "naïve", "Windows-1252")],
)
def test_an_encoding_without_a_mark_is_told_from_the_letters(encoding, word, name, tmp_path):
    table = read_text(tmp_path, ("word,y\n" + f"{word},0\nplain,1\n" * 6).encode(encoding))
    assert table.columns["word"].values[0] == word
    assert any(f"was read as {name}" in note.message for note in table.notes)
