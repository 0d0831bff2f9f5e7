"""A full disk pauses a study: what could not be written is written when there is space again."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import TypeVar

from mapsto.errors import DiskFull

T = TypeVar("T")

PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 900.0
"""After so long the study ends with the error, and can be resumed."""


class Patience:
    """Repeats what fails for want of space.

    Args:
        tell: told once, in words, when a pause begins.
        mend: called before each new attempt.
    """

    def __init__(self, tell: Callable[[str], None], mend: Callable[[], None] = lambda: None) -> None:
        self._tell, self._mend = tell, mend

    def __call__(self, write: Callable[[], T]) -> T:
        """Calls `write` until there is space for it; it must bear being repeated.

        Raises:
            DiskFull: there was none for a quarter of an hour.
        """
        until: float | None = None
        while True:
            try:
                return write()
            except (DiskFull, OSError) as error:
                if not isinstance(error, DiskFull) and error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                if until is None:
                    until = time.monotonic() + LONGEST_PAUSE_SECONDS
                    self._tell("The disk is full: the study pauses, and goes on when some space is free.")
                if time.monotonic() > until:
                    raise _full(error) from error
            time.sleep(PAUSE_SECONDS)
            self._mend()


def _full(error: Exception) -> DiskFull:
    if isinstance(error, DiskFull):
        return error
    return DiskFull(
        "The disk is full. Nothing that was there is lost; free some space, and go on with `mapsto resume`."
    )
