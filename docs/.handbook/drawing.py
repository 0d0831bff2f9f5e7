"""Pictures of the handbook: the charts of mapsto's report, put together to one SVG that needs nothing beside it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from mapsto.report import svg
from mapsto.report.svg import Axis, Mark, Row, Rows

__all__ = ["Axis", "Bars", "Line", "Mark", "Panel", "Row", "Rows", "sheet"]

COLORS = ("#1b5fc1", "#b84e00", "#0b6e4f", "#7b3fa0", "#00838f", "#c2185b", "#8a6d00", "#59616e", "#4f8a10", "#15181e")
DASHES = ("", "7 3", "2 3", "9 3 2 3", "", "7 3", "2 3", "9 3 2 3", "", "7 3")
"""Lines differ by dash too, for eyes and printers that do not tell the colors apart."""

TITLE, LINE, GAP = 20.0, 20.0, 30.0
"""Heights of a panel's title and of a line of the legend, and the room between panels."""


class Line(NamedTuple):
    """A line through points in the order of x; what is not finite is left out. `color` is a place in `COLORS`.

    Lines with the same label share their color and their entry in the legend; `thin` ones are grey and have none.
    """

    label: str
    points: Sequence[tuple[float, float]]
    color: int | None = None
    thin: bool = False
    step: bool = False


class Panel(NamedTuple):
    """Lines and marks over two axes. Values of y beyond `limits` end at the frame; roles of marks are "c0" to "c9"."""

    title: str
    x: Axis
    y: Axis
    lines: Sequence[Line] = ()
    marks: Sequence[Mark] = ()
    limits: tuple[float, float] | None = None


class Bars(NamedTuple):
    """A bar a row, from zero."""

    title: str
    axis: Axis
    rows: Sequence[Row]


def sheet(title: str, panels: Sequence[Panel | Bars | Rows], *, columns: int = 1) -> Markup:
    """One picture of several panels, with a common legend below them.

    Args:
        title: what the picture shows, for those who cannot see it.
        panels: side by side in so many columns, row by row.
        columns: 1 for pictures that are read on a phone, 2 for pairs.
    """
    colors = _colors(panels)
    parts, top = [], 0.0
    for first in range(0, len(panels), columns):
        row = [_drawn(panel, colors) for panel in panels[first : first + columns]]
        for column, (panel, picture) in enumerate(zip(panels[first:], row, strict=False)):
            left = column * (svg.WIDTH + GAP)
            parts.append(
                Markup('<text class="title" x="{:.0f}" y="{:.0f}">{}</text>').format(left, top + 13, panel.title)
            )
            size = f'width="{svg.WIDTH:.0f}" height="{_height(picture):.0f}"'
            place = f'<svg class="chart" x="{left:.0f}" y="{top + TITLE:.0f}" {size}'
            parts.append(Markup(str(picture).replace('<svg class="chart"', place, 1)))
        top += TITLE + max(_height(picture) for picture in row) + GAP
    width = columns * svg.WIDTH + (columns - 1) * GAP
    letter = 6.6 if columns == 1 else 8.2
    if len(colors) > 1:
        legend, height = _legend(colors, width, top, letter)
        parts, top = [*parts, *legend], top + height
    form = (
        '<svg xmlns="http://www.w3.org/2000/svg" class="{}" viewBox="-10 -8 {:.0f} {:.0f}" width="{:.0f}" role="img" '
        'aria-label="{}"><style>{}</style><rect class="paper" x="-10" y="-8" width="100%" height="100%" rx="4"/>{}'
        "</svg>\n"
    )
    return Markup(form).format(
        "pair" if columns > 1 else "one", width + 20, top + 8, width + 20, title, Markup(STYLE), Markup("").join(parts)
    )


def _colors(panels: Sequence[Panel | Bars | Rows]) -> dict[str, int]:
    """The color of each label, in the order in which they first come."""
    found: dict[str, int] = {}
    for panel in panels:
        for line in getattr(panel, "lines", ()):
            if line.label and not line.thin and line.label not in found:
                found[line.label] = len(found) % len(COLORS) if line.color is None else line.color
    return found


def _drawn(panel: Panel | Bars | Rows, colors: dict[str, int]) -> Markup:
    if isinstance(panel, Bars):
        return svg.bars(Rows(panel.title, panel.axis, panel.rows))
    if isinstance(panel, Rows):
        return svg.intervals(panel)
    curves = []
    for line in panel.lines:
        points = [(float(x), float(y)) for x, y in line.points if math.isfinite(x) and math.isfinite(y)]
        role = "thin" if line.thin else f"c{colors.get(line.label, line.color or 0)}"
        curves.append(svg.Curve(line.label, points, role, step=line.step))
    return svg.plot(svg.Plot(panel.title, panel.x, panel.y, curves, panel.marks, panel.limits))


def _height(picture: Markup) -> float:
    found = re.search(r'viewBox="0 0 \S+ (\S+)"', picture)
    assert found is not None
    return float(found[1])


def _legend(colors: dict[str, int], width: float, top: float, letter: float) -> tuple[list[Markup], float]:
    parts, x, y = [], 0.0, top
    form = '<path class="curve c{}" d="M{:.0f} {:.0f}h24"/><text x="{:.0f}" y="{:.0f}">{}</text>'
    for label, color in colors.items():
        needed = 34 + letter * len(label) + 16
        if x and x + needed > width:
            x, y = 0.0, y + LINE
        parts.append(Markup(form).format(color, x, y, x + 30, y + 4, label))
        x += needed
    return parts, y - top + LINE


STYLE = """
text { font: 12px system-ui, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", sans-serif; fill: #15181e; }
.title { font-weight: 600; font-size: 13px; }
.tick, .axis { fill: #59616e; font-size: 11px; }
.pair text { font-size: 15px; }
.pair .title { font-size: 16px; }
.pair .tick, .pair .axis { font-size: 13.5px; }
.paper { fill: #ffffff; }
.grid { stroke: #e3e6eb; }
.chart { overflow: visible; }
.clip { overflow: hidden; }
.curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
.curve.thin { stroke: #aab2be; stroke-width: 1; }
.mark { stroke: #ffffff; }
.bar { fill: #1b5fc1; fill-opacity: 0.85; }
.bar.winner { fill: #b84e00; }
.whisker { stroke: #c3c9d2; stroke-width: 5; stroke-linecap: round; }
g .mark { fill: #1b5fc1; }
g.winner .mark { fill: #b84e00; }
text.value { font-weight: 600; }
""" + "\n".join(
    f".curve.c{place} {{ stroke: {color}; stroke-dasharray: {dash or 'none'}; }} .mark.c{place} {{ fill: {color}; }}"
    for place, (color, dash) in enumerate(zip(COLORS, DASHES, strict=True))
)
