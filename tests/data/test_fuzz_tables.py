"""Whatever a table or a file holds, reading it gives a table or one clear error, and the values that pandas reads.

Where what is read differs from what pandas reads, it is meant: blanks around text are cut off; "?" and what is left of
blanks is missing; text of which nearly all are numbers is numbers; numbers are float64; True and False are words.
"""

from __future__ import annotations

import io
import math
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mapsto.data.cell_texts import MISSING
from mapsto.data.read import read
from mapsto.data.table import Table
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

FAST = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
SLOW = settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
KINDS = ("csv", "tsv", "jsonl", "json", "parquet", "feather", "xlsx")

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=12) | st.sampled_from(
    ["", " ", "?", "NA", "01", "1e400", "-0", "1,5", "true", "TRUE", "inf", "2024-01-31", "31.01.2024", "a\nb", '"']
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from([1e308, -1e308, 5e-324, math.inf, -math.inf, math.nan])
    | texts
    | st.datetimes(min_value=datetime(1700, 1, 1), max_value=datetime(2200, 1, 1))
)
of_one_kind = st.sampled_from(
    [st.booleans(), st.integers(-(2**40), 2**40), st.floats(allow_infinity=False), texts, scalars]
)


@st.composite
def frames(draw, most_columns=6):
    rows = draw(st.integers(0, 12))
    names = draw(st.lists(texts, max_size=most_columns, unique=True))
    columns = {name: draw(st.lists(draw(of_one_kind), min_size=rows, max_size=rows)) for name in names}
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})


def table_or_error(source, **options) -> Table | None:
    """The table, or None where it is refused; any other error is a fault."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return read(source, options=DataOptions(**options), target_needed=False)
    except DataError:
        return None


def check_frame(frame: pd.DataFrame) -> None:
    for source in (frame, frame.infer_objects(), frame.to_dict("records")):
        table = table_or_error(source)
        if table is not None:
            assert all(len(column.values) == len(frame) for column in table.columns.values())


def written(frame: pd.DataFrame, kind: str) -> bytes:
    """The frame as a file of this kind; Excel and Arrow take fewer values than frames hold."""
    plain = frame.map(lambda value: value if isinstance(value, (float, type(None))) else str(value))
    out = io.BytesIO()
    if kind in ("csv", "tsv"):
        return plain.to_csv(index=False, sep="," if kind == "csv" else "\t").encode()
    if kind in ("json", "jsonl"):
        return plain.to_json(orient="records", lines=kind == "jsonl").encode()
    plain = plain.astype(str)
    if kind == "parquet":
        plain.to_parquet(out)
    elif kind == "feather":
        plain.to_feather(out)
    else:
        with_letters = plain.map(lambda value: "".join(letter for letter in str(value) if letter.isalnum()))
        with_letters.to_excel(out, index=False)
    return out.getvalue()


GOOD = pd.DataFrame({"a": [1.5, None, 3.0, 4.0] * 5, "b": ["x", "y ü", None, "01"] * 5, "target": [0.0, 1.0] * 10})
FILES = {kind: written(GOOD, kind) for kind in KINDS}


@st.composite
def mutated(draw):
    """A good file of some kind that is cut off, or has bytes that are changed, removed or put in."""
    kind = draw(st.sampled_from(KINDS))
    data = bytearray(FILES[kind])
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        how = draw(st.sampled_from(["cut", "flip", "remove", "insert", "repeat"]))
        if how == "cut":
            del data[place:]
        elif how == "flip" and data:
            data[place] = draw(st.integers(0, 255))
        elif how == "remove":
            del data[place : place + draw(st.integers(1, 9))]
        elif how == "insert":
            data[place:place] = draw(st.binary(min_size=1, max_size=9))
        else:
            data[place:place] = data[place : place + 40]
    return kind, bytes(data)


def check_file(folder: Path, kind: str, data: bytes) -> None:
    path = folder / f"fuzz.{kind}"
    path.write_bytes(data)
    for memory in ("4GB", "1MB"):
        table = table_or_error(path, memory=memory)
        assert table is None or len(table) > 0


@given(frames())
@FAST
def test_any_frame_is_a_table_or_one_error(frame):
    check_frame(frame)


@given(mutated())
@FAST
def test_any_damaged_file_is_a_table_or_one_error(tmp_path, case):
    check_file(tmp_path, *case)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@given(frames())
@SLOW
def test_any_frame_is_a_table_or_one_error_at_length(frame):
    check_frame(frame)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@given(mutated())
@SLOW
def test_any_damaged_file_is_a_table_or_one_error_at_length(tmp_path, case):
    check_file(tmp_path, *case)


READERS: dict[str, Any] = {
    "csv": pd.read_csv,
    "tsv": lambda path: pd.read_csv(path, sep="\t"),
    "jsonl": lambda path: pd.read_json(path, lines=True, dtype=False),
    "json": lambda path: pd.read_json(path, dtype=False),
    "parquet": pd.read_parquet,
    "feather": pd.read_feather,
    "xlsx": pd.read_excel,
}

numbers = st.floats(-1e300, 1e300) | st.integers(-(2**40), 2**40).map(float) | st.just(math.nan)
words = st.text(st.characters(codec="utf-8", categories=["L"]), min_size=1, max_size=9) | st.none()


@pytest.mark.parametrize("kind", KINDS)
@given(st.lists(st.tuples(numbers, words), min_size=2, max_size=9))
@settings(FAST, max_examples=12)
def test_what_is_read_is_what_pandas_reads(tmp_path, kind, rows):
    frame = pd.DataFrame(rows, columns=["real", "word"]).assign(goal=range(len(rows)))
    path = tmp_path / f"a.{kind}"
    if kind == "xlsx":
        frame.to_excel(path, index=False)
    elif kind in ("json", "jsonl"):
        path.write_text(frame.to_json(orient="records", lines=kind == "jsonl", double_precision=15))
    else:
        path.write_bytes(_plain_file(frame, kind))
    expected = READERS[kind](path)
    table = read(path, options=DataOptions(columns={"word": "category", "real": "numeric"}), target_needed=False)
    np.testing.assert_array_equal(table.columns["goal"].values.astype(float), expected["goal"].to_numpy(float))
    real = pd.to_numeric(expected["real"]).to_numpy(float)
    np.testing.assert_allclose(table.columns["real"].values, real, rtol=1e-15 if "js" in kind else 0)
    meant = [None if pd.isna(w) or str(w).strip() in MISSING else str(w) for w in expected["word"].astype(object)]
    assert [None if str(word).strip() in MISSING else word for word in table.columns["word"].values] == [
        None if word in (None, "None") else word for word in meant
    ]


def _plain_file(frame: pd.DataFrame, kind: str) -> bytes:
    out = io.BytesIO()
    if kind in ("csv", "tsv"):
        return frame.to_csv(index=False, sep="," if kind == "csv" else "\t").encode()
    (frame.to_parquet if kind == "parquet" else frame.to_feather)(out)
    return out.getvalue()


@pytest.mark.parametrize("columns", [0, 1, 10_000])
def test_any_number_of_columns(columns):
    frame = pd.DataFrame(np.arange(3 * columns, dtype=float).reshape(3, columns))
    table = table_or_error(frame)
    assert (table is None) == (columns == 0)
    assert table is None or len(table.columns) == columns
