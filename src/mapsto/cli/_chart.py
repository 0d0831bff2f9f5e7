"""A curve on a terminal, drawn with the dots of Braille characters."""

from __future__ import annotations

from collections.abc import Sequence

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each of a character's four by two dots, from the top left."""


def chart(values: Sequence[float], *, title: str, unit: str, width: int = 76, height: int = 10) -> str:
    """Draws values over their index, from 0 on the vertical axis.

    Args:
        values: finite, not negative; at least one.
        title: of the vertical axis, above it.
        unit: what the index counts.
        width: columns of the whole chart, at least 40.
        height: lines of the curve.

    Example:
        >>> print(chart([1.0, 0.5, 0.0], title="rate", unit="steps", width=40, height=2).splitlines()[0])
        rate
    """
    top = max(values) or 1.0
    labels = [f"{top * (height - line) / height:.3g}" if line % 5 == 0 else "" for line in range(height)] + ["0"]
    left = max(map(len, labels))
    columns = width - left - 2
    cells = [[0] * columns for _ in range(height)]
    for column in range(2 * columns):
        begin = column * len(values) // (2 * columns)
        end = max(begin + 1, (column + 1) * len(values) // (2 * columns))
        rows = [round((1 - value / top) * (4 * height - 1)) for value in values[begin:end]]
        for row in range(min(rows), max(rows) + 1):
            cells[row // 4][column // 2] |= DOTS[row % 4][column % 2]
    lines = [
        f"{label:>{left}} ┤{''.join(chr(0x2800 + cell) for cell in line)}"
        for label, line in zip(labels, cells, strict=False)
    ]
    middle, last = f"{len(values) // 2:,}", f"{len(values):,} {unit}"
    axis = "0" + middle.rjust(columns // 2 + len(middle) // 2 - 1)
    axis += last.rjust(columns - len(axis))
    return "\n".join([title, *lines, f"{'0':>{left}} ┼{'─' * columns}", f"{'':>{left}}  {axis}"])
