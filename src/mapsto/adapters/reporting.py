"""What a program in Python says to the tuner that runs it; it needs neither torch nor Optuna."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import SupportsFloat

REPORT = "MAPSTO_REPORT"
"""The environment variable with the file that reports are appended to."""

STOP = ".stop"
"""Ending of the file, beside that of the reports, that tells a program to stop early."""


def report_values(**values: SupportsFloat) -> bool:
    """Tells the tuner where a trial stands, by one line appended to the file that MAPSTO_REPORT names.

    Outside of a study it does nothing, so that a program runs by itself as well.

    Args:
        values: numbers by name: the metric, `epoch` or `step`, and whatever else is worth keeping.

    Returns:
        Whether the trial should end now, since others do better; False outside of a study.

    Example:
        >>> for epoch in range(1, 4):
        ...     if report_values(accuracy=0.3 * epoch, epoch=epoch):
        ...         break

    Raises:
        TypeError: a value is no number.
    """
    line = json.dumps({name: _number(name, value) for name, value in values.items()}) + "\n"
    path = os.environ.get(REPORT)
    if not path:
        return False
    # One write to a file that is opened to append: lines of several processes do not mix.
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)
    return Path(path + STOP).exists()


def _number(name: str, value: SupportsFloat) -> float:
    if isinstance(value, int):
        return value
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"`{name}` must be a number to be reported. Received: {value!r}.") from error
