"""Rows shared among processes: the same results in the same order, and errors, losses and interruptions are told."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import Any

import pytest

from mapsto.data.parallel import WORTH_FORKING, on_every_core
from mapsto.errors import DataError

MANY = range(3 * WORTH_FORKING + 5)


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


@pytest.mark.parametrize("rows", [range(0), range(1), range(40), MANY])
def test_results_come_in_order(rows):
    assert list(on_every_core(lambda row: row * row, rows)) == [row * row for row in rows]


def test_many_rows_are_done_by_several_processes():
    done_by = set(on_every_core(lambda row: os.getpid(), MANY))
    assert len(done_by) == 2
    assert os.getpid() not in done_by


@pytest.mark.parametrize("rows", [range(40), MANY])
def test_an_error_comes_after_what_was_done_before_it(rows):
    def refuse(row):
        if row == 21:
            raise DataError("row 21 is damaged")
        return row

    done = []
    with pytest.raises(DataError, match="row 21 is damaged"):
        for row in on_every_core(refuse, rows):
            done.append(row)  # noqa: PERF402 - what came before the error counts
    assert done == list(range(len(done)))
    assert 16 <= len(done) <= 21


def test_the_work_of_a_process_that_was_killed_is_done_here():
    parent = os.getpid()

    def fragile(row):
        if row == 100 and os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return row

    assert list(on_every_core(fragile, MANY)) == list(MANY)


def test_no_process_is_left_when_the_reader_stops(monkeypatch):
    results: Any = on_every_core(lambda row: os.getpid(), MANY)
    process = next(results)
    results.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_where_processes_cannot_be_forked_threads_do_it(monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    assert set(on_every_core(lambda row: os.getpid(), MANY)) == {os.getpid()}
