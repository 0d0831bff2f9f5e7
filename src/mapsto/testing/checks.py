"""What every check of the audit must do. `check_check(MyCheck)` tests one of your own."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import get_args

import numpy as np

from mapsto.data.audit._subject import Subject
from mapsto.data.audit.base import MAX_EXAMPLES, Check, Finding
from mapsto.data.table import Column, Kind, Table
from mapsto.testing.encoders import ROWS, sample_table


def check_check(check: type[Check]) -> None:
    """Checks the contract of `Check` on a small table with a column of each kind, with parts and without.

    The table is not changed; the same table gives the same findings; rows are ascending and in the table; findings are
    JSON; and a table without rows, or with nothing but gaps, is no fault of the check.

    Raises:
        AssertionError: the check breaks the contract.
    """
    assert check.kinds, f"{check.__name__} looks at no kind of column"
    assert set(check.kinds) <= set(get_args(Kind)), f"{check.__name__} looks at what is no kind of column"
    for table in (_table(), _parted(_table()), _table().take(np.arange(0)), _gaps()):
        before = {name: column.values.copy() for name, column in table.columns.items()}
        found = check(seconds=30.0).run(Subject(table))
        again = check(seconds=30.0).run(Subject(table))
        assert [f.to_json() for f in found] == [f.to_json() for f in again], "the same table gives other findings"
        for name, values in before.items():
            same = values.tobytes() == table.columns[name].values.tobytes()
            assert same, f"{check.__name__} changes column {name}"
        for finding in found:
            _check_finding(finding, table)


def _check_finding(finding: Finding, table: Table) -> None:
    assert finding.message.strip(), "a finding without a message"
    assert finding.action.strip(), "a finding without an action"
    assert finding.column is None or finding.column in table.columns, f"there is no column {finding.column}"
    assert finding.count >= len(finding.rows) or not len(finding.rows), "fewer are counted than rows are named"
    assert (np.diff(finding.rows) > 0).all(), "rows are not ascending"
    assert not len(finding.rows) or 0 <= finding.rows[0] <= finding.rows[-1] < len(table), "rows outside the table"
    assert len(finding.examples) <= MAX_EXAMPLES, "too many examples"
    json.dumps(finding.to_json(), allow_nan=False)


def _table() -> Table:
    classes = np.array([f"class {row % 2}" for row in range(ROWS)], dtype=object)
    table = sample_table()
    return replace(table, columns={**table.columns, "target": Column("target", "category", classes)}, target="target")


def _parted(table: Table) -> Table:
    return replace(table, given_parts=np.array(["train" if row % 3 else "test" for row in range(len(table))]))


def _gaps() -> Table:
    """The table with every number and word missing."""
    table = _table()
    columns = dict(table.columns)
    columns["numeric"] = replace(columns["numeric"], values=np.full(ROWS, np.nan))
    for kind in ("category", "text"):
        columns[kind] = replace(columns[kind], values=np.full(ROWS, None, dtype=object))
    return replace(table, columns=columns)
