"""A function of many rows on every core: for decoding files, which Pillow does mostly under the interpreter's lock."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any, TypeVar

T = TypeVar("T")

AT_ONCE = 16
"""Rows that are handed out together: a single small image takes about as long as handing it out."""

WORTH_FORKING = 256
"""Fewer rows than this are done before processes have started."""


def on_every_core(function: Callable[[int], T], rows: Sequence[int]) -> Iterator[T]:
    """`function` of each row, in order.

    Many rows are shared among forked processes, which see the parent's memory as it was and send their results back, so
    `function` must return what it makes and change nothing. Where processes cannot be forked, and for few rows, threads
    do the work.

    Example:
        >>> list(on_every_core(lambda row: row * row, [3, 4]))
        [9, 16]

    Raises:
        Exception: the first that `function` raised, in the order of the rows.
    """
    cores = min(os.cpu_count() or 1, 8)
    # A daemon process may have no children; without fork every worker would load the library anew.
    may_fork = "fork" in multiprocessing.get_all_start_methods() and not multiprocessing.current_process().daemon
    if cores == 1 or len(rows) < 2:
        return map(function, rows)
    if not may_fork or len(rows) < WORTH_FORKING:
        return _in_threads(function, rows, cores)
    return _in_processes(function, rows, cores)


def _pieces(rows: Sequence[int]) -> list[Sequence[int]]:
    return [rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE)]


def _in_threads(function: Callable[[int], T], rows: Sequence[int], cores: int) -> Iterator[T]:
    with ThreadPoolExecutor(cores) as pool:
        for done in pool.map(lambda piece: [function(row) for row in piece], _pieces(rows)):
            yield from done


def _in_processes(function: Callable[[int], T], rows: Sequence[int], cores: int) -> Iterator[T]:
    """Piece k goes to process k mod cores, so results are received in order, and a process waits for nothing else.

    A process whose parent was killed ends at its next result, since nobody reads its pipe any more.
    """
    pieces = _pieces(rows)
    context = multiprocessing.get_context("fork")
    workers: list[tuple[Any, Connection]] = []
    try:
        for first in range(cores):
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(function, pieces[first::cores], sender), daemon=True)
            with warnings.catch_warnings():
                # Newer Pythons warn of forks beside threads; the child runs `function` alone, which takes no lock.
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
            sender.close()
            workers.append((process, receiver))
        for number, piece in enumerate(pieces):
            try:
                done, error = workers[number % cores][1].recv()
            except EOFError:  # the process was killed, as for want of memory: one process may still manage
                done, error = [function(row) for row in piece], None
            yield from done
            if error is not None:
                raise error
    finally:
        for process, receiver in workers:
            receiver.close()
            process.terminate()
            process.join()


def _work(function: Callable[[int], T], pieces: Sequence[Sequence[int]], sender: Connection) -> None:
    """What a process does: its pieces, each sent as the results and the error that ended it, if one did."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.freeze()  # to look for garbage among the parent's objects would copy their memory
    for piece in pieces:
        done: list[T] = []
        error: Exception | None = None
        try:
            for row in piece:
                done.append(function(row))  # noqa: PERF401 - what is done before an error counts
        except Exception as raised:  # noqa: BLE001 - raised again in the parent
            error = raised
        try:
            sender.send((done, error))
        except (BrokenPipeError, ConnectionResetError):
            return
